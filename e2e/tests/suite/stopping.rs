//! An orderly stop.

use std::sync::Arc;

use e2e::{Answer, Purchase, Shopper, client_token};
use launch::suite::Suite;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testkit::eventually;
use tokio::{net::TcpStream, task::spawn_blocking};
use uuid::Uuid;

use crate::setting::{at_rest, own_suite, shopper};

const HELD_UP: &str = "select count(*) from pg_stat_activity
    where wait_event_type = 'Lock' and query like 'insert into messaging.outbox%'";
const WAITING: &str = "select count(*) from messaging.outbox where published_at is null";

/// Something that is announced by the service that does it.
struct Deed {
    service: &'static str,
    who: Shopper,
    request: (Method, String, Option<Value>),
}

async fn deeds(suite: &Suite) -> Vec<Deed> {
    let (alice, sam) = (shopper(suite, "alice").await, shopper(suite, "sam").await);
    let order = client_token(suite.public_url(), "order", &suite.secrets().order_client).await.unwrap();
    let order = Shopper::with_token(suite.public_url(), &order).unwrap();
    let bought = alice.buy(&Purchase::default()).await.unwrap();
    let bought = bought["id"].as_str().unwrap();
    let prepared = |shipment: &Value| shipment["state"] == "prepared";
    sam.see(&format!("/api/shipping/v1/shipments/{bought}"), prepared).await.unwrap();
    at_rest(suite).await;
    let (mug, receipt) =
        ("/api/inventory/v1/stock/MUG-BLUE/receipts", json!({"quantity": 1, "reference": Uuid::now_v7()}));
    let price = json!({"price": {"amount": 1555, "currency": "EUR"}});
    let deed = |service, who: &Shopper, method, path: String, body| {
        let request = (method, path, body);
        Deed { service, who: who.clone(), request }
    };
    vec![
        deed("store", &sam, Method::PUT, "/api/store/v1/products/MUG-GREEN/price".into(), Some(price)),
        deed("inventory", &sam, Method::POST, mug.into(), Some(receipt)),
        deed("shipping", &sam, Method::POST, format!("/api/shipping/v1/shipments/{bought}/dispatch"), None),
        deed("accounting", &order, Method::POST, format!("/api/accounting/v1/payments/{bought}/refund"), None),
    ]
}

async fn number(db: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

#[tokio::test]
async fn what_the_last_request_of_a_stopping_service_announced_has_left_when_the_process_ends() {
    let suite = Arc::new(own_suite().await);
    for Deed { service, who, request: (method, path, body) } in deeds(&suite).await {
        let url = suite.database_url(service);
        let (mut db, mut other) =
            (PgConnection::connect(&url).await.unwrap(), PgConnection::connect(&url).await.unwrap());
        let status = suite.status();
        let address = status.iter().find(|it| it.id == service).unwrap().address.replace("http://", "");
        // The request is under way: it announces when we let it.
        let mut lock = other.begin().await.unwrap();
        sqlx::query("lock table messaging.outbox in share row exclusive mode").execute(&mut *lock).await.unwrap();
        let asking = tokio::spawn(async move { who.send(method, &path, body, &[]).await });
        eventually(async || held_up(&url).await == 1).await;
        let stopping = suite.clone();
        let stopping = spawn_blocking(move || stopping.terminate(service));
        // Nobody else is let in.
        eventually(async || TcpStream::connect(&address).await.is_err()).await;
        lock.rollback().await.unwrap();
        let answer: Answer = asking.await.unwrap().unwrap();
        assert!(answer.status.is_success(), "{service}: {} {}", answer.status, answer.body);
        stopping.await.unwrap().unwrap();
        assert_eq!(number(&mut db, WAITING).await, 0, "{service} took its last event with it");
    }
}

async fn held_up(url: &str) -> i64 {
    number(&mut PgConnection::connect(url).await.unwrap(), HELD_UP).await
}
