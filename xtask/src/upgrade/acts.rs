//! What is played: orders in the middle of everything when their `order` is killed, finished by the other side.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use e2e::{
    Purchase, Shopper,
    invariants::{self, Databases},
    patiently,
};
use futures::future::{try_join, try_join_all};
use launch::suite::Suite;
use reqwest::Method;

use super::sides::{Side, Sides};

/// How orders are paid, and how they end: slow payments are in the middle when their `order` is killed.
const PAID: [(&str, &str); 6] = [
    ("tok_slow", "confirmed"),
    ("tok_ok", "confirmed"),
    ("tok_slow", "confirmed"),
    ("tok_declined", "compensated"),
    ("tok_capture_declined", "compensated"),
    ("tok_slow", "confirmed"),
];
const ORDERS: usize = 24;
/// So many that were confirmed before are being cancelled as well.
const CANCELLED: usize = 4;

/// An order under way, and how it is to end.
#[derive(Clone)]
struct Expected {
    id: String,
    state: &'static str,
}

/// Sagas begun by `begins` alone are finished by the other side alone.
pub async fn finish_of_the_other(sides: &Sides, suite: &Suite, begins: Side) -> Result<()> {
    let what = format!("{} to {}", begins.name(), begins.other().name());
    let (begin, alice) = (Instant::now(), Shopper::log_in(suite.public_url(), "alice").await?);
    let olga = Shopper::log_in(suite.public_url(), "olga").await?;
    let orders = begin_orders(&alice).await?;
    let under_way = under_way(&olga).await?;
    suite.kill("order")?;
    sides.next_is(begins.other())?;
    suite.restart("order").await?;
    all_end(&what, &alice, &orders).await?;
    all_is_well(&what, suite).await?;
    let count = orders.len();
    println!("{what}: {under_way} sagas of {count} orders under way at the kill, all ended in {:.1?}", begin.elapsed());
    Ok(())
}

/// Both sides work on one database, each taking what it finds; then the old one is killed, as at the end of a rolling
/// upgrade.
pub async fn side_by_side(sides: &Sides) -> Result<()> {
    let begin = Instant::now();
    let suite = sides.suite(Side::Old).await?;
    let alice = Shopper::log_in(suite.public_url(), "alice").await?;
    let olga = Shopper::log_in(suite.public_url(), "olga").await?;
    let first = begin_orders(&alice).await?;
    sides.next_is(Side::New)?;
    suite.start_instance("order").await?;
    let second = begin_orders(&alice).await?;
    let third = begin_orders(&alice).await?;
    let under_way = under_way(&olga).await?;
    suite.kill("order")?;
    let what = "side by side";
    let orders = [first, second, third].concat();
    all_end(what, &alice, &orders).await?;
    all_is_well(what, &suite).await?;
    let count = orders.len();
    println!("{what}: {under_way} sagas of {count} orders under way at the kill, all ended in {:.1?}", begin.elapsed());
    suite.stop();
    Ok(())
}

/// Places orders of every outcome, and begins to cancel a few that are confirmed. Answers while they are under way.
async fn begin_orders(alice: &Shopper) -> Result<Vec<Expected>> {
    let usual = Purchase::default();
    let confirmed = try_join_all((0..CANCELLED).map(|_| alice.buy(&usual))).await?;
    let paid = PAID.into_iter().cycle().take(ORDERS);
    let placed = paid.map(async |(method, state)| {
        let purchase = Purchase::default().paid_with(method);
        let cart = alice.fill_cart(&purchase).await?;
        let id = alice.place(alice.order_for(&cart, &purchase).await?).await?.expect(202)?.text("id")?;
        anyhow::Ok(Expected { id, state })
    });
    let cancelled = confirmed.into_iter().map(async |order| {
        let id = order["id"].as_str().context("an order has an id")?.to_owned();
        let path = format!("/api/order/v1/orders/{id}/cancellation");
        alice.send(Method::POST, &path, None, &[]).await?.expect(202)?;
        anyhow::Ok(Expected { id, state: "cancelled" })
    });
    let (placed, cancelled) = try_join(try_join_all(placed), try_join_all(cancelled)).await?;
    Ok([placed, cancelled].concat())
}

/// How many sagas have not ended.
async fn under_way(olga: &Shopper) -> Result<usize> {
    let mut count = 0;
    for state in ["running", "undoing"] {
        let page = olga.get(&format!("/api/order/v1/sagas?limit=100&state={state}")).await?.expect(200)?;
        count += page.body["items"].as_array().context("a page has items")?.len();
    }
    ensure!(count > 0, "every saga had ended before its `order` was killed: nothing was tried");
    Ok(count)
}

async fn all_end(what: &str, alice: &Shopper, orders: &[Expected]) -> Result<()> {
    for Expected { id, state } in orders {
        let order = patiently(async || alice.ended(id).await).await?;
        ensure!(order["state"] == *state, "{what}: order {id} is to be {state}: {order:#}");
    }
    Ok(())
}

/// Every invariant, now that everything has come to rest.
async fn all_is_well(what: &str, suite: &Suite) -> Result<()> {
    let databases = databases(suite);
    patiently(async || {
        let found = invariants::between(&databases).await?;
        ensure!(found.is_empty(), "{what}: {}", found.join("\n"));
        Ok(())
    })
    .await
}

fn databases(suite: &Suite) -> Databases {
    let services = ["auth", "store", "inventory", "accounting", "shipping", "order"];
    services.into_iter().map(|service| (service.to_owned(), suite.database_url(service))).collect()
}
