//! What a hanging service costs the others: the catalogue's latencies while shipping answers and while it hangs (SIGSTOP),
//! in turns within one run, with the same requests to both. `cargo run -p e2e --example hanging`, after
//! `cargo build --bins`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::Shopper;
use futures::future::join_all;
use launch::suite::Suite;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const ROUNDS: usize = 8;
const TURN: Duration = Duration::from_secs(5);
const BUYERS: usize = 4;
/// One request to shipping in so much time: 100 a second.
const EVERY: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let example = std::env::current_exe()?;
    let programs = example.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let suite = Suite::temporary(programs).await?;
    let alice = Shopper::log_in(suite.public_url(), "alice").await?;
    turn(&alice).await?;
    let (mut before, mut meanwhile) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (calm, answered) = turn(&alice).await?;
        suite.pause("shipping")?;
        let (hanging, refused) = turn(&alice).await?;
        suite.resume("shipping")?;
        println!("{round}: shipping was asked and said {answered:?}; while it hung {refused:?}");
        before.extend(calm);
        meanwhile.extend(hanging);
        e2e::patiently(async || alice.get("/api/shipping/v1/countries").await?.expect(200)).await?;
    }
    let (before, meanwhile) = (percentiles("before", before), percentiles("while", meanwhile));
    let ratio = |nth: usize| meanwhile[nth].div_duration_f64(before[nth]);
    println!("ratio: p50 {:.2}, p99 {:.2}", ratio(0), ratio(1));
    Ok(())
}

/// How many requests to shipping had which answer before the turn ended.
type Told = BTreeMap<String, usize>;

// How long each look at the catalogue took, and what became of the requests to shipping.
async fn turn(alice: &Shopper) -> anyhow::Result<(Vec<Duration>, Told)> {
    let until = Instant::now() + TURN;
    let mut to_shipping = JoinSet::new();
    let pace = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while Instant::now() < until {
            ticks.tick().await;
            let alice = alice.clone();
            to_shipping.spawn(async move { alice.get("/api/shipping/v1/countries").await });
        }
    };
    let buyers = join_all((0..BUYERS).map(|_| buy(alice, until)));
    let (turns, ()) = tokio::join!(buyers, pace);
    let turns: anyhow::Result<Vec<_>> = turns.into_iter().collect();
    let mut told = Told::new();
    for answer in std::iter::from_fn(|| to_shipping.try_join_next()).flatten().flatten() {
        let code = answer.body["code"].as_str().unwrap_or_default();
        *told.entry(format!("{} {code}", answer.status.as_u16())).or_default() += 1;
    }
    Ok((turns?.concat(), told))
}

async fn buy(alice: &Shopper, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        alice.get("/api/store/v1/products").await?.expect(200)?;
        took.push(began.elapsed());
    }
    Ok(took)
}

fn percentiles(when: &str, mut took: Vec<Duration>) -> [Duration; 2] {
    took.sort_unstable();
    let at = [50, 99].map(|percent| took[(took.len() - 1) * percent / 100]);
    println!("{when}: {} looks at the catalogue, all 200; p50 {:.2?}, p99 {:.2?}", took.len(), at[0], at[1]);
    at
}
