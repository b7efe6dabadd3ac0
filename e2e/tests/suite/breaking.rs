//! Suites to break, and what it means that they are whole again.

use std::{path::PathBuf, time::Duration};

use e2e::{Purchase, Shopper, invariants, patiently};
use futures::future::join_all;
use launch::{Temporary, suite::Suite};
use tokio::time::timeout;

use crate::setting::{databases, programs, shopper};

/// A suite whose ways and clocks can be broken. It goes with its logs.
pub struct Breakable {
    pub suite: Suite,
    pub logs: Temporary,
}

pub async fn breakable() -> Breakable {
    let logs = Temporary::new("breakable").unwrap();
    let suite = Suite::breakable(&programs(), logs.path()).await;
    Breakable { suite: suite.unwrap_or_else(|error| panic!("the suite does not start: {error:#}")), logs }
}

impl Breakable {
    pub fn log(&self, id: &str) -> PathBuf {
        self.logs.path().join(format!("{id}.log"))
    }
}

pub async fn place(shopper: &Shopper, purchase: &Purchase) -> anyhow::Result<String> {
    let cart = shopper.fill_cart(purchase).await?;
    let order = shopper.order_for(&cart, purchase).await?;
    shopper.place(order).await?.expect(202)?.text("id")
}

/// Places orders that take two seconds each, so that they are under way when something breaks.
pub async fn under_way(suite: &Suite, count: usize) -> Vec<String> {
    let alice = shopper(suite, "alice").await;
    let purchase = Purchase::default().paid_with("tok_slow");
    // A connection that broke before may still be found broken now.
    let placed = (0..count).map(|_| patiently(async || place(&alice, &purchase).await));
    join_all(placed).await.into_iter().map(Result::unwrap).collect()
}

/// Waits until each of these has ended, and nothing is wrong anywhere.
pub async fn whole(suite: &Suite, ids: &[String]) {
    let databases = databases(suite);
    let clean = patiently(async || {
        let orders = invariants::orders(&databases).await?;
        let lost: Vec<_> = ids.iter().filter(|id| !orders.contains_key(*id)).collect();
        anyhow::ensure!(lost.is_empty(), "lost: {lost:?}");
        let found = invariants::between(&databases).await?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    clean.await.unwrap();
}

/// Waits until an order goes through again.
pub async fn sells(suite: &Suite) {
    let sold = patiently(async || {
        let alice = Shopper::log_in(suite.public_url(), "alice").await?;
        let order = timeout(Duration::from_secs(20), alice.buy(&Purchase::default())).await??;
        anyhow::ensure!(order["state"] == "confirmed", "{order:#}");
        Ok(())
    });
    sold.await.unwrap();
}

/// The same for somebody who logs in first: known tokens are good for a while.
pub async fn felt_by_newcomers(suite: &Suite, path: &str) {
    let felt = patiently(async || {
        let answer = async { Shopper::log_in(suite.public_url(), "alice").await?.get(path).await };
        let answer = timeout(Duration::from_secs(3), answer).await;
        let well = answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status.is_success()));
        anyhow::ensure!(!well, "{path} is answered");
        Ok(())
    });
    felt.await.unwrap();
}

/// Waits until whoever asks for something at `path` feels that something is broken.
pub async fn felt(shopper: &Shopper, path: &str) {
    let felt = patiently(async || {
        let answer = timeout(Duration::from_secs(1), shopper.get(path)).await;
        let well = answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status.is_success()));
        anyhow::ensure!(!well, "{path} is answered");
        Ok(())
    });
    felt.await.unwrap();
}
