//! An event takes effect once, or is set aside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use contracts::inventory::StockChanged;
use messaging::Subscriptions;
use testkit::eventually;

use crate::setting::{DEAD, Side, publish, writing_down};

#[tokio::test]
async fn an_event_delivered_again_takes_effect_once() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    eventually(async || store.effects("AAA").await.len() == 1).await;
    let body: serde_json::Value = sqlx::query_scalar("select body from messaging.outbox")
        .fetch_one(&mut *inventory.pool.get().await.unwrap())
        .await
        .unwrap();
    // Without a Nats-Msg-Id JetStream does not know that it had this one.
    publish(&nats, "inventory.stock.changed.v1", &body.to_string()).await;
    inventory.announce("AAA", [2]).await;
    eventually(async || store.effects("AAA").await.contains(&2)).await;
    assert_eq!(store.effects("AAA").await, [1, 2]);
}

#[tokio::test]
async fn a_failing_effect_leaves_no_trace_and_is_tried_again() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    let broken = Arc::new(AtomicBool::new(true));
    inventory.relay();
    store.consume(writing_down(&broken));
    inventory.announce("AAA", [1]).await;
    eventually(async || {
        inventory.count("select count(*) from messaging.outbox where published_at is not null").await == 1
    })
    .await;
    assert!(store.effects("AAA").await.is_empty());
    assert_eq!(store.count("select count(*) from messaging.inbox").await, 0);
    broken.store(false, Ordering::Relaxed);
    eventually(async || store.effects("AAA").await == [1]).await;
}

#[tokio::test]
async fn a_poisonous_message_is_set_aside_and_blocks_nothing() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    eventually(async || store.effects("AAA").await.len() == 1).await;
    publish(&nats, "inventory.stock.changed.v1", "not even JSON").await;
    publish(&nats, "inventory.stock.changed.v1", r#"{"type": "inventory.stock.changed.v9"}"#).await;
    inventory.announce("AAA", [2]).await;
    eventually(async || store.effects("AAA").await == [1, 2]).await;
    eventually(async || store.count(DEAD).await == 2).await;
}

#[tokio::test]
async fn a_message_waits_for_the_database_and_is_never_set_aside_for_its_fault() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    // Six deliveries of three attempts each, after which any other fault sets a message aside.
    let subscriptions = Subscriptions::of("store").on(move |_, _: StockChanged, _| {
        let gone = counted.fetch_add(1, Ordering::Relaxed) < 18;
        Box::pin(async move { if gone { Err(database::Error::PoolTimeout.into()) } else { Ok(()) } })
    });
    inventory.relay();
    store.consume(subscriptions);
    inventory.announce("AAA", [1]).await;
    eventually(async || store.count("select count(*) from messaging.inbox").await == 1).await;
    assert_eq!((attempts.load(Ordering::Relaxed), store.count(DEAD).await), (19, 0));
}

#[tokio::test]
async fn a_service_finds_its_connections_again_when_postgresql_drops_them() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    eventually(async || store.effects("AAA").await.len() == 1).await;
    store.database.cut_connections().await;
    inventory.announce("AAA", [2, 3]).await;
    let effects = async || {
        let mut db = store.database.connect().await;
        sqlx::query_scalar::<_, i64>("select version from effect order by id").fetch_all(&mut db).await.unwrap()
    };
    eventually(async || effects().await == [1, 2, 3]).await;
}
