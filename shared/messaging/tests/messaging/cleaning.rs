//! What nobody needs any more is deleted, again and again, and nothing else is.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use testkit::eventually;

use crate::setting::{Side, writing_down};

const OFTEN: Duration = Duration::from_millis(20);

async fn execute(side: &Side, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut side.database.connect().await).await.unwrap();
}

#[tokio::test]
async fn what_was_published_long_ago_is_deleted_and_what_waits_or_is_new_is_kept() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    inventory.bus = inventory.bus.clone().cleaning_every(OFTEN);
    // More than is deleted at once. The last was published now, so the old ones are not in doubt.
    let published = "insert into messaging.outbox (id, subject, aggregate, body, published_at)
        select gen_random_uuid(), 'inventory.stock.changed.v1', 'AAA', '{}', at
        from unnest(array[now() - interval '61 minutes', now()], array[2500, 1]) as it (at, times), generate_series(1, times)";
    execute(&inventory, published).await;
    inventory.relay();
    let left = "select count(*) from messaging.outbox";
    eventually(async || inventory.count(left).await == 1).await;
    let again = "update messaging.outbox set published_at = now() - interval '59 minutes';
        insert into messaging.outbox (id, subject, aggregate, body, published_at)
        values (gen_random_uuid(), 'inventory.stock.changed.v1', 'AAA', '{}', now() - interval '61 minutes')";
    execute(&inventory, again).await;
    let old = "select count(*) from messaging.outbox where published_at < now() - interval '1 hour'";
    eventually(async || inventory.count(old).await == 0).await;
    assert_eq!(inventory.count(left).await, 1);
}

#[tokio::test]
async fn nothing_is_deleted_while_nats_may_have_lost_it() {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    inventory.bus = inventory.bus.clone().cleaning_every(OFTEN);
    inventory.relay();
    inventory.announce("AAA", [1]).await;
    let waiting = "select count(*) from messaging.outbox where published_at is null";
    eventually(async || inventory.count(waiting).await == 0).await;
    nats.kill().await;
    eventually(async || !inventory.bus.connected()).await;
    execute(&inventory, "update messaging.outbox set published_at = now() - interval '61 minutes'").await;
    inventory.announce("AAA", [2]).await;
    nats.restart().await;
    // The second one goes after the first, which was published again.
    eventually(async || inventory.count(waiting).await == 0).await;
    assert_eq!(inventory.count("select count(*) from messaging.outbox").await, 2);
}

#[tokio::test]
async fn what_took_effect_a_week_ago_is_forgotten_and_what_is_younger_is_not() {
    let nats = testkit::nats::server().await;
    let mut store = Side::open("store", &nats).await;
    store.bus = store.bus.clone().cleaning_every(OFTEN);
    let filled = "insert into messaging.inbox (consumer, event_id, received_at)
        select 'store-x', gen_random_uuid(), at
        from unnest(array[now() - interval '8 days', now() - interval '6 days'], array[25000, 3]) as it (at, times),
             generate_series(1, times);
        insert into messaging.failure (consumer, event_id, attempts, last_failed_at)
        values ('store-x', gen_random_uuid(), 3, now() - interval '8 days'), ('store-x', gen_random_uuid(), 3, now())";
    let left = "select (select count(*) from messaging.inbox) * 10 + (select count(*) from messaging.failure)";
    execute(&store, filled).await;
    store.consume(writing_down(&Arc::new(AtomicBool::new(false))));
    eventually(async || store.count(left).await == 31).await;
    execute(&store, filled).await;
    eventually(async || store.count(left).await == 62).await;
}
