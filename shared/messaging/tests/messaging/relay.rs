//! What is committed leaves; what is not, does not.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use testkit::{eventually, nats::Nats};
use time::OffsetDateTime;

use crate::setting::{Side, WAITING, consumer, jetstream, stock, writing_down};

fn fine() -> Arc<AtomicBool> {
    Arc::default()
}

#[tokio::test]
async fn an_event_reaches_its_consumer_once_and_in_order_within_its_aggregate() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&fine()));
    for sku in ["AAA", "BBB", "CCC"] {
        inventory.announce(sku, 1..=40).await;
    }
    eventually(async || store.count("select count(*) from effect").await == 120).await;
    for sku in ["AAA", "BBB", "CCC"] {
        assert_eq!(store.effects(sku).await, (1..=40).collect::<Vec<_>>());
    }
    eventually(async || inventory.count(WAITING).await == 0).await;
}

#[tokio::test]
async fn what_is_rolled_back_is_not_announced() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&fine()));
    let mut tx = inventory.pool.begin().await.unwrap();
    messaging::announce(&mut tx, &stock("AAA", 1), OffsetDateTime::now_utc()).await.unwrap();
    drop(tx);
    inventory.announce("AAA", [2]).await;
    eventually(async || !store.effects("AAA").await.is_empty()).await;
    assert_eq!(store.effects("AAA").await, [2]);
}

#[tokio::test]
async fn what_a_crashed_instance_left_behind_leaves_with_the_next_relay() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    store.consume(writing_down(&fine()));
    inventory.announce("AAA", 1..=5).await;
    inventory.relay();
    eventually(async || store.effects("AAA").await.len() == 5).await;
}

#[tokio::test]
async fn two_relays_on_one_database_keep_the_order() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    inventory.relay();
    store.consume(writing_down(&fine()));
    for first in (1..=200).step_by(4) {
        inventory.announce("AAA", first..first + 4).await;
    }
    eventually(async || store.effects("AAA").await.len() == 200).await;
    assert_eq!(store.effects("AAA").await, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_killed_nats_server_loses_no_event() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(writing_down(&fine()));
    inventory.announce("AAA", 1..=20).await;
    eventually(async || store.effects("AAA").await.len() == 20).await;
    nats.kill().await;
    inventory.announce("AAA", 21..=40).await;
    assert!(inventory.count(WAITING).await > 0);
    nats.restart().await;
    inventory.announce("AAA", 41..=60).await;
    eventually(async || store.effects("AAA").await.len() == 60).await;
    assert_eq!(store.effects("AAA").await, (1..=60).collect::<Vec<_>>());
    eventually(async || inventory.count(WAITING).await == 0).await;
}

#[tokio::test]
async fn an_orderly_stop_publishes_what_was_committed_last() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    inventory.relay();
    let held = "select count(*) from messaging.relay_lease where holder is not null";
    eventually(async || inventory.count(held).await == 1).await;
    inventory.announce("AAA", 1..=100).await;
    inventory.stop().await;
    assert_eq!((inventory.count(WAITING).await, inventory.count(held).await), (0, 0));
}

/// What JetStream acknowledged and had not flushed when it crashed: gone.
async fn crash_without_a_flush(nats: &Nats) {
    let client = async_nats::connect(nats.url()).await.unwrap();
    async_nats::jetstream::new(client).get_stream("inventory").await.unwrap().purge().await.unwrap();
    nats.kill().await;
}

#[tokio::test]
async fn what_nats_acknowledged_and_lost_in_a_crash_is_published_again() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    inventory.announce("AAA", 1..=20).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    crash_without_a_flush(&nats).await;
    nats.restart().await;
    store.consume(writing_down(&fine()));
    eventually(async || store.effects("AAA").await.len() == 20).await;
    assert_eq!(store.effects("AAA").await, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_nats_lost_is_published_again_also_when_it_was_away_for_long_and_something_waited() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    inventory.announce("AAA", [1]).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    crash_without_a_flush(&nats).await;
    eventually(async || !inventory.bus.connected()).await;
    let long_ago = "update messaging.outbox set published_at = now() - interval '10 minutes'";
    sqlx::query(long_ago).execute(&mut *inventory.pool.single("test").await.unwrap()).await.unwrap();
    inventory.announce("AAA", [2]).await;
    nats.restart().await;
    store.consume(writing_down(&fine()));
    eventually(async || store.effects("AAA").await == [1, 2]).await;
}

#[tokio::test]
async fn a_stream_that_somebody_deletes_is_made_again_with_what_it_held_lately() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    inventory.announce("AAA", [1]).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    jetstream(&nats).await.delete_stream("inventory").await.unwrap();
    inventory.announce("AAA", [2]).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    store.consume(writing_down(&fine()));
    eventually(async || store.effects("AAA").await == [1, 2]).await;
}

#[tokio::test]
async fn a_deleted_stream_that_a_consumer_makes_first_gets_what_it_held_lately() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    inventory.relay();
    inventory.announce("AAA", [1]).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    jetstream(&nats).await.delete_stream("inventory").await.unwrap();
    let mut store = Side::open("store", &nats).await;
    store.consume(writing_down(&fine()));
    consumer(&nats).await;
    eventually(async || store.effects("AAA").await == [1]).await;
}

#[tokio::test]
async fn what_was_lost_in_a_crash_of_everything_is_published_again_by_the_next_process() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    inventory.announce("AAA", 1..=20).await;
    eventually(async || inventory.count(WAITING).await == 0).await;
    inventory.stop().await;
    crash_without_a_flush(&nats).await;
    nats.restart().await;
    inventory.reopen(&nats).await;
    inventory.relay();
    store.consume(writing_down(&fine()));
    eventually(async || store.effects("AAA").await.len() == 20).await;
}

#[tokio::test]
async fn many_events_of_few_aggregates_leave_as_fast_as_others() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    // As after an outage of NATS.
    for nr in 0..20 {
        inventory.announce(["AAA", "BBB", "CCC"][nr % 3], 1..=1000).await;
    }
    inventory.relay();
    eventually(async || inventory.count(WAITING).await == 0).await;
}

/// Makes the first event too large.
async fn blow_up(side: &Side) {
    let blow_up = "update messaging.outbox set body = jsonb_build_object('data', repeat('x', 2000000)) where seq = 1";
    sqlx::query(blow_up).execute(&mut *side.pool.single("test").await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_published_holds_up_no_other() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    // More than the relay takes at a time come after it.
    inventory.announce("HUGE", 1..=400).await;
    blow_up(&inventory).await;
    inventory.announce("AAA", 1..=3).await;
    inventory.relay();
    store.consume(writing_down(&fine()));
    eventually(async || store.effects("AAA").await == [1, 2, 3]).await;
    assert_eq!(inventory.count(WAITING).await, 400);
}

#[tokio::test]
async fn what_is_held_up_is_seldom_read() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    inventory.announce("HUGE", [1]).await;
    blow_up(&inventory).await;
    inventory.relay();
    let scans = "select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_user_tables
        where schemaname = 'messaging' and relname = 'outbox'";
    // Until the first ones are counted, which takes a second.
    eventually(async || inventory.count(scans).await > 0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = inventory.count(scans).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let read = inventory.count(scans).await - before;
    assert!(read < 20, "read {read} times in three seconds");
}
