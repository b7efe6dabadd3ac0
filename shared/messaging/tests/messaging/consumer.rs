//! An event takes effect once, or is set aside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::AckKind;
use contracts::inventory::StockChanged;
use futures::StreamExt;
use messaging::Subscriptions;
use testkit::eventually;

use crate::setting::{DEAD, Side, consumer, write_down, writing_down};

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
    nats.publish("inventory.stock.changed.v1", &body.to_string()).await;
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
async fn a_message_is_set_aside_after_its_attempts_and_not_after_its_deliveries() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    eventually(async || store.effects("AAA").await == [1]).await;
    store.stop().await;
    // Handed back untried, as by instances that stop, or that are too slow.
    inventory.announce("AAA", [2]).await;
    let consumer = consumer(&nats).await;
    for _ in 0..8 {
        let batch = consumer.batch().max_messages(1).expires(Duration::from_secs(8)).messages();
        let message = batch.await.unwrap().next().await.unwrap().unwrap();
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
    let attempts = Arc::new(AtomicUsize::new(0));
    store.consume(failing_at_first(4, &attempts));
    eventually(async || store.effects("AAA").await == [1, 2]).await;
    assert_eq!((store.count(DEAD).await, attempts.load(Ordering::Relaxed)), (0, 5));
    assert_eq!(store.count("select count(*) from messaging.failure").await, 0, "they are forgotten with success");
}

/// Writes each event down, after so many failures.
fn failing_at_first(failures: usize, attempts: &Arc<AtomicUsize>) -> Subscriptions {
    let attempts = attempts.clone();
    Subscriptions::of("store").on(move |db, event: StockChanged, _| {
        let attempts = attempts.clone();
        Box::pin(async move {
            write_down(db, &event).await?;
            anyhow::ensure!(attempts.fetch_add(1, Ordering::Relaxed) >= failures, "broken on purpose");
            Ok(())
        })
    })
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
