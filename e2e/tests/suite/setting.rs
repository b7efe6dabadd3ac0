//! Suites to test on, and who uses them.

use std::path::PathBuf;

use e2e::{
    Shopper,
    invariants::{self, Databases},
    patiently,
};
use launch::suite::Suite;
use serde_json::Value;
use tokio::sync::OnceCell;

/// A suite that nobody else uses: for tests that break it.
pub async fn own_suite() -> Suite {
    Suite::temporary(&programs()).await.unwrap_or_else(|error| panic!("the suite does not start: {error:#}"))
}

/// The suite that is shared by all tests of this binary that break nothing.
pub async fn shared_suite() -> &'static Suite {
    static SUITE: OnceCell<Suite> = OnceCell::const_new();
    SUITE.get_or_init(own_suite).await
}

/// Beside the test binary's folder: `cargo retail test` builds them before.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let programs = test.parent().and_then(|deps| deps.parent()).unwrap().to_owned();
    assert!(programs.join("gateway").exists(), "run `cargo build --bins` first: no gateway in {}", programs.display());
    programs
}

pub async fn shopper(suite: &Suite, user: &str) -> Shopper {
    Shopper::log_in(suite.public_url(), user).await.unwrap_or_else(|error| panic!("{user} cannot log in: {error:#}"))
}

pub fn databases(suite: &Suite) -> Databases {
    let services = ["auth", "store", "inventory", "accounting", "shipping", "order"];
    services.into_iter().map(|service| (service.to_owned(), suite.database_url(service))).collect()
}

/// Waits until everything has ended, has left, and agrees.
pub async fn at_rest(suite: &Suite) {
    let databases = databases(suite);
    let clean = patiently(async || {
        let found = invariants::between(&databases).await?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    clean.await.unwrap();
}

/// The steps of every entry of the sagas that has this `what`, in order. What is heard from others meanwhile comes in
/// between as it likes.
pub fn entries(order: &Value, what: &str) -> Vec<String> {
    let of_sagas = order["timeline"].as_array().unwrap().iter().filter(|entry| entry["saga"] != "fulfilment");
    let told = of_sagas.filter(|entry| entry["what"] == what);
    told.map(|entry| entry["step"].as_str().unwrap().to_owned()).collect()
}

pub fn state(order: &Value) -> &str {
    order["state"].as_str().unwrap()
}
