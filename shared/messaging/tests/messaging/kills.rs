//! A process that is killed at the worst moment: what it did not write down is done again, and has one effect.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::stream::Config;
use sqlx::{AssertSqlSafe, Connection};
use testkit::{eventually, nats::Nats};

use crate::setting::{DEAD, Side, WAITING, consumer, jetstream, writing_down};

/// A stream that forgets at once which messages it has, as JetStream does after two minutes.
async fn forgetful_stream(nats: &Nats) {
    let config = Config {
        name: "inventory".to_owned(),
        subjects: vec!["inventory.>".to_owned()],
        duplicate_window: Duration::from_millis(100),
        ..Config::default()
    };
    jetstream(nats).await.create_stream(config).await.unwrap();
}

async fn published(nats: &Nats) -> u64 {
    let jetstream = jetstream(nats).await;
    jetstream.get_stream("inventory").await.map_or(0, |stream| stream.cached_info().state.messages)
}

#[tokio::test]
async fn events_of_a_relay_killed_between_publishing_and_marking_take_effect_once() {
    let nats = testkit::nats::server().await;
    forgetful_stream(&nats).await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    store.consume(writing_down(&Arc::default()));
    for sku in ["AAA", "BBB", "CCC"] {
        inventory.announce(sku, [1, 2]).await;
    }
    let mut lock = inventory.database.connect().await;
    let mut lock = lock.begin().await.unwrap();
    sqlx::query("select id from messaging.outbox for update").execute(&mut *lock).await.unwrap();
    inventory.relay();
    // All are published. Marking them waits for the lock.
    eventually(async || (published(&nats).await == 6).then_some(())).await;
    let marking =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%published_at%'";
    eventually(async || inventory.count(marking).await == 1).await;
    inventory.kill().await;
    // Its session ends with it, before the lock does, and nothing was marked.
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%published_at%'";
    sqlx::query(end).execute(&mut *lock).await.unwrap();
    inventory.reopen(&nats).await;
    eventually(async || inventory.count(marking).await == 0).await;
    lock.rollback().await.unwrap();
    assert_eq!(inventory.count(WAITING).await, 6);
    inventory.relay();
    eventually(async || inventory.count(WAITING).await == 0).await;
    assert_eq!(published(&nats).await, 12, "each was published twice");
    for sku in ["AAA", "BBB", "CCC"] {
        eventually(async || store.effects(sku).await == [1, 2]).await;
    }
    settled(&nats).await;
    for sku in ["AAA", "BBB", "CCC"] {
        assert_eq!(store.effects(sku).await, [1, 2]);
    }
}

/// Every message was acknowledged.
async fn settled(nats: &Nats) {
    eventually(async || {
        let info = consumer(nats).await.cached_info().clone();
        let open = (info.num_pending, info.num_ack_pending);
        if open == (0, 0) { Ok(()) } else { Err(open) }
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_consumer_is_killed_between_effect_and_acknowledgement_takes_effect_once() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    // The commit waits for a lock of ours: killed while it does, the process never hears that it went through.
    let slow_commit = "create function wait() returns trigger language plpgsql as
            $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
        create constraint trigger slow after insert on effect deferrable initially deferred
            for each row execute function wait()";
    let mut lock = store.database.connect().await;
    sqlx::raw_sql(slow_commit).execute(&mut lock).await.unwrap();
    sqlx::query("select pg_advisory_lock(1)").execute(&mut lock).await.unwrap();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    let committing = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
    eventually(async || store.count(committing).await == 1).await;
    store.kill().await;
    assert!(store.effects("AAA").await.is_empty());
    sqlx::query("select pg_advisory_unlock(1)").execute(&mut lock).await.unwrap();
    eventually(async || store.effects("AAA").await == [1]).await;
    assert_eq!(consumer(&nats).await.cached_info().num_ack_pending, 1, "nobody acknowledged it");
    store.reopen(&nats).await;
    store.consume(writing_down(&Arc::default()));
    settled(&nats).await;
    assert_eq!((store.effects("AAA").await, store.count(DEAD).await), (vec![1], 0));
}

#[tokio::test]
async fn an_event_whose_consumer_is_killed_before_the_commit_takes_effect_once() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    let mut lock = store.database.connect().await;
    let mut lock = lock.begin().await.unwrap();
    sqlx::query("lock table effect").execute(&mut *lock).await.unwrap();
    store.consume(writing_down(&Arc::default()));
    inventory.announce("AAA", [1]).await;
    let pids = "select count(*) from pg_locks where relation = 'effect'::regclass and not granted";
    eventually(async || store.count(pids).await == 1).await;
    store.kill().await;
    let end = "select pg_terminate_backend(pid) from pg_locks where relation = 'effect'::regclass and not granted";
    sqlx::query(AssertSqlSafe(end)).execute(&mut *lock).await.unwrap();
    lock.rollback().await.unwrap();
    assert!(store.effects("AAA").await.is_empty());
    store.reopen(&nats).await;
    store.consume(writing_down(&Arc::default()));
    eventually(async || store.effects("AAA").await == [1]).await;
    settled(&nats).await;
    assert_eq!(store.effects("AAA").await, [1]);
}
