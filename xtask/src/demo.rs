//! Buys something, then something that must be undone, as alice would: login in the browser's way, cart, quote, order.

use std::time::Instant;

use anyhow::{Result, ensure};
use e2e::{Purchase, Shopper, print_timeline};
use serde_json::Value;

use crate::up;

/// Where to buy.
#[derive(clap::Args)]
pub struct Options {
    /// The public origin; without it, the suite that `cargo retail up` runs
    #[arg(long)]
    url: Option<String>,
}

/// Prints both timelines; fails if the orders do not end as they should.
pub async fn demo(options: Options) -> Result<()> {
    let url = options.url.map_or_else(up::public_url, Ok)?;
    println!("alice logs in at {url}/auth (authorization code with PKCE) …");
    let alice = Shopper::log_in(&url, "alice").await?;

    let lines = vec![("TEAPOT-IRON".to_owned(), 1), ("MUG-BLUE".to_owned(), 4)];
    println!("\nShe buys a teapot and four mugs with a card that works.\n");
    buy(&alice, &Purchase { lines, ..Purchase::default() }, "confirmed").await?;

    println!("\nShe buys a chair, but the bank refuses when the money is taken: the decisive step.\n");
    buy(&alice, &Purchase::of("CHAIR-OAK").paid_with("tok_capture_declined"), "compensated").await?;

    println!("\nEvery effect of the second order was undone, from last to first. Look at both orders in {url}/docs.");
    Ok(())
}

async fn buy(shopper: &Shopper, purchase: &Purchase, expected: &str) -> Result<()> {
    let begin = Instant::now();
    let order: Value = shopper.buy(purchase).await?;
    print!("{}", print_timeline(&order));
    println!("  ended after {:.2} s", begin.elapsed().as_secs_f64());
    ensure!(order["state"] == expected, "the order is {} and should be {expected}", order["state"]);
    Ok(())
}
