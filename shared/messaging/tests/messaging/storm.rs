//! Redelivery storms: whatever comes however often, each event has one effect, and nothing is set aside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contracts::inventory::StockChanged;
use futures::StreamExt;
use messaging::{Bus, Subscriptions};
use testkit::{eventually, nats::Nats};

use crate::setting::{DEAD, Side, consumer, event, jetstream, write_down};

const EVENTS: usize = 500;
const TIMES: usize = 10;
/// What the server hands out at the most without an acknowledgement.
const UNACKNOWLEDGED: usize = 256;

/// Every event so often, all mixed up, and none known to JetStream as a duplicate.
async fn publish_storm(nats: &Nats) {
    let bodies: Vec<String> =
        (0..EVENTS).map(|n| event(&format!("SKU-{}", n % 50), i64::try_from(n).unwrap())).collect();
    let jetstream = jetstream(nats).await;
    // 7 and 500 have no common divisor but one: each event comes once per round, in another order than it was made.
    let all = (0..EVENTS * TIMES).map(|n| bodies[(n * 7 + n / EVENTS) % EVENTS].clone());
    let sent = futures::stream::iter(all).map(|body| async {
        jetstream.publish("inventory.stock.changed.v1", body.into()).await.unwrap().await.unwrap();
    });
    sent.buffer_unordered(200).collect::<Vec<()>>().await;
}

/// Fails every `nth` time, after having written.
fn failing_every(nth: usize) -> Subscriptions {
    let attempts = Arc::new(AtomicUsize::new(1));
    Subscriptions::of("store").on(move |db, event: StockChanged, _| {
        let attempts = attempts.clone();
        Box::pin(async move {
            write_down(db, &event).await?;
            anyhow::ensure!(!attempts.fetch_add(1, Ordering::Relaxed).is_multiple_of(nth), "broken on purpose");
            Ok(())
        })
    })
}

/// Waits for as long as there is progress, and answers how many were under way at the most.
async fn calm(nats: &Nats) -> usize {
    let mut consumer = consumer(nats).await;
    let (mut left, mut most) = (u64::MAX, 0);
    while left > 0 {
        left = eventually(async || {
            let info = consumer.info().await.unwrap().clone();
            most = most.max(info.num_ack_pending);
            let now = info.num_pending + u64::try_from(info.num_ack_pending).unwrap();
            if now < left { Ok(now) } else { Err(now) }
        })
        .await;
    }
    most
}

async fn assert_once(store: &Side) {
    assert_eq!(store.count("select count(*) from effect").await, i64::try_from(EVENTS).unwrap());
    assert_eq!(store.count("select count(distinct version) from effect").await, i64::try_from(EVENTS).unwrap());
    assert_eq!(store.count("select count(*) from messaging.inbox").await, i64::try_from(EVENTS).unwrap());
    assert_eq!(store.count(DEAD).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_messages_of_five_hundred_events_across_three_instances_have_five_hundred_effects() {
    let nats = testkit::nats::server().await;
    let mut store = Side::open("store", &nats).await;
    store.consume(failing_every(usize::MAX));
    consumer(&nats).await;
    publish_storm(&nats).await;
    for _ in 0..2 {
        let pool = store.database.pool().await;
        store.bus = Bus::open("store", &nats.url(), &store.database.settings(), &pool).await.unwrap();
        store.consume(failing_every(11));
    }
    assert!(calm(&nats).await <= UNACKNOWLEDGED);
    assert_once(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_are_killed_in_the_middle_of_a_storm_change_nothing() {
    let nats = testkit::nats::server().await;
    let mut store = Side::open("store", &nats).await;
    store.consume(failing_every(usize::MAX));
    consumer(&nats).await;
    publish_storm(&nats).await;
    for percent in [20, 40, 60] {
        let reached = i64::try_from(EVENTS * percent / 100).unwrap();
        eventually(async || store.count("select count(*) from effect").await >= reached).await;
        store.kill().await;
        let pool = store.database.pool().await;
        for _ in 0..3 {
            store.bus = Bus::open("store", &nats.url(), &store.database.settings(), &pool).await.unwrap();
            store.consume(failing_every(11));
        }
    }
    calm(&nats).await;
    assert_once(&store).await;
}
