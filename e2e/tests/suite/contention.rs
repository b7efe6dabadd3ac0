//! Many who want the same thing at once: as many get it as there is of it, and the others are told why not. Nobody is
//! told of the contention itself: no deadlock, no 5xx.

mod buyers;
mod keys;
mod money;
mod parcels;
mod shelf;

use std::{collections::BTreeMap, fs};

use e2e::{Answer, Shopper, client_token, invariants, patiently};
use launch::suite::Suite;
use serde_json::json;
use sqlx::Row;

use crate::setting::databases;

/// A service's own client, with the scopes that only it may have.
async fn order_client(suite: &Suite) -> Shopper {
    let url = suite.public_url();
    let token = client_token(url, "order", &suite.secrets().order_client).await.unwrap();
    Shopper::with_token(url, &token).unwrap()
}

/// Staff put a new product on sale, of which there are exactly so many pieces.
async fn new_product(sam: &Shopper, sku: &str, pieces: i64) {
    let product = json!({"name": format!("Rare {sku}"), "description": "", "category": "tableware",
        "price": {"amount": 1900, "currency": "EUR"}, "weight_grams": 400});
    sam.put(&format!("/api/store/v1/products/{sku}"), product).await.unwrap().expect(201).unwrap();
    let receipt = json!({"quantity": pieces, "reference": format!("DN-{sku}")});
    sam.post(&format!("/api/inventory/v1/stock/{sku}/receipts"), receipt).await.unwrap().expect(201).unwrap();
}

/// An answer in one word: the status if it went well, else the problem's code.
fn word(answer: &Answer) -> String {
    if answer.status.is_success() {
        return answer.status.as_u16().to_string();
    }
    let code = answer.text("code");
    code.unwrap_or_else(|_| panic!("a refusal without a code: {} {}", answer.status, answer.body))
}

/// How often each of these words was said.
fn tally<T: Ord>(words: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    words.into_iter().fold(BTreeMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

/// Waits until everything has come to rest, with every invariant between the services.
async fn at_rest(suite: &Suite) {
    let databases = databases(suite);
    let clean = patiently(async || {
        let found = invariants::between(&databases).await?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    clean.await.unwrap();
}

/// Nobody was told of a 5xx by the gateway, callers from outside and the order service alike; no service wrote of a
/// deadlock; and PostgreSQL counted none. Stops the services: only then it has counted all.
async fn nobody_noticed(suite: &Suite) {
    let gateway = suite.status().into_iter().find(|it| it.id == "gateway").unwrap();
    let metrics = reqwest::get(format!("{}/metrics", gateway.ops)).await.unwrap().text().await.unwrap();
    let counted = |line: &&str| line.starts_with("gateway_requests_total{") && !line.ends_with(" 0");
    let counts: Vec<&str> = metrics.lines().filter(counted).collect();
    let failed: Vec<_> = counts.iter().filter(|line| line.contains("status=\"5xx\"")).collect();
    assert!(counts.len() > 2 && failed.is_empty(), "{counts:#?}");
    for instance in suite.status() {
        suite.terminate(&instance.id).unwrap();
        let log = fs::read_to_string(&instance.log).unwrap();
        let told: Vec<_> = log.lines().filter(|line| line.contains("deadlock") || line.contains("40P01")).collect();
        assert!(told.is_empty(), "{}: {told:#?}", instance.id);
    }
    assert_eq!(deadlocks(suite).await, vec![]);
}

/// The databases in which PostgreSQL counted deadlocks.
async fn deadlocks(suite: &Suite) -> Vec<(String, i64)> {
    let mut db = suite.postgres().access().connect("postgres").await.unwrap();
    let counted = "select datname, deadlocks from pg_stat_database where datname is not null";
    let rows = sqlx::query(counted).fetch_all(&mut db).await.unwrap();
    assert!(rows.len() > 6, "{} databases", rows.len());
    rows.iter().map(|row| (row.get(0), row.get(1))).filter(|(_, deadlocks)| *deadlocks > 0).collect()
}
