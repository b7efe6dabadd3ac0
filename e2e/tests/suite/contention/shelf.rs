//! Watches a shelf while others take from it.

use std::{convert::Infallible, future::Future, pin::pin, time::Duration};

use anyhow::{Result, ensure};
use e2e::Shopper;
use futures::future::{Either, select, try_join};
use launch::suite::Suite;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::time::interval;

/// How much there is of a product: on hand, reserved, available.
pub type Level = (i64, i64, i64);

/// The level as inventory answers it.
pub async fn level(viewer: &Shopper, sku: &str) -> Result<Level> {
    let stock = viewer.get(&format!("/api/inventory/v1/stock/{sku}")).await?.expect(200)?.body;
    let number = |key: &str| stock[key].as_i64().ok_or_else(|| anyhow::anyhow!("no {key} in {stock}"));
    Ok((number("on_hand")?, number("reserved")?, number("available")?))
}

/// Does the work, and reads the shelf and the databases' own lists of violations all the while.
pub async fn watching<T>(suite: &Suite, viewer: &Shopper, skus: &[&str], work: impl Future<Output = T>) -> T {
    let watch = try_join(watch_levels(viewer, skus), watch_databases(suite));
    match select(pin!(work), pin!(watch)).await {
        Either::Left((done, _)) => done,
        Either::Right((Err(error), _)) => panic!("{error:#}"),
    }
}

async fn watch_levels(viewer: &Shopper, skus: &[&str]) -> Result<Infallible> {
    let mut pace = interval(Duration::from_millis(50));
    loop {
        for sku in skus {
            let (on_hand, reserved, available) = level(viewer, sku).await?;
            let whole = on_hand >= 0 && reserved >= 0 && available >= 0 && available == on_hand - reserved;
            ensure!(whole, "{sku}: on hand {on_hand}, reserved {reserved}, available {available}");
            // A hint that may be late, but never below nothing.
            let told = viewer.get(&format!("/api/store/v1/products/{sku}")).await?.expect(200)?.body;
            let hint = &told["availability"]["available"];
            ensure!(*hint == Value::Null || hint.as_i64() >= Some(0), "{sku}: the store says {hint}");
        }
        pace.tick().await;
    }
}

/// Each database in one snapshot, over a connection that stays: making one costs more than asking.
async fn watch_databases(suite: &Suite) -> Result<Infallible> {
    let mut open = Vec::new();
    for service in ["store", "inventory", "accounting", "shipping"] {
        open.push((service, PgConnection::connect(&suite.database_url(service)).await?));
    }
    let mut pace = interval(Duration::from_millis(100));
    loop {
        for (service, db) in &mut open {
            let violations = sqlx::query_scalar("select to_jsonb(v)::text from invariant_violation v");
            let found: Vec<String> = violations.fetch_all(db).await?;
            ensure!(found.is_empty(), "{service}: {}", found.join("\n"));
        }
        pace.tick().await;
    }
}
