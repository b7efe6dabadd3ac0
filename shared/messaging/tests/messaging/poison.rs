//! A message that never takes effect is set aside with a clear error, and the rest goes on.

use std::sync::Arc;

use contracts::inventory::StockChanged;
use messaging::Subscriptions;
use serde_json::{Value, json};
use testkit::{eventually, nats::Nats};

use crate::setting::{DEAD, Side, event, write_down, writing_down};

const SUBJECT: &str = "inventory.stock.changed.v1";

/// A store that reacts, and the stream that it reacts to.
async fn scene(subscriptions: Subscriptions) -> (Nats, Side, Side) {
    let nats = testkit::nats::server().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    inventory.relay();
    store.consume(subscriptions);
    inventory.announce("AAA", [1]).await;
    eventually(async || store.effects("AAA").await == [1]).await;
    (nats, inventory, store)
}

/// An event with some members replaced; null removes one.
fn event_with(changes: Value) -> String {
    let mut event: Value = serde_json::from_str(&event("AAA", 2)).unwrap();
    json_patch(&mut event, changes);
    event.to_string()
}

fn json_patch(target: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { return *target = changes };
    for (name, change) in changes {
        if change.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            json_patch(&mut target[&name], change);
        }
    }
}

async fn letters(store: &Side) -> Vec<(Vec<u8>, String, i32)> {
    sqlx::query_as("select body, error, attempts from messaging.dead_letter order by id")
        .fetch_all(&mut *store.pool.get().await.unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_with_its_error_and_blocks_nothing() {
    let (nats, inventory, store) = scene(writing_down(&Arc::default())).await;
    let poison: [(Vec<u8>, &str); 11] = [
        (b"not even JSON".to_vec(), "expected ident"),
        (Vec::new(), "EOF while parsing"),
        (vec![0xff, 0xfe, 0], "expected value"),
        (b"{}".to_vec(), "missing field `type`"),
        (br#""inventory.stock.changed.v1""#.to_vec(), "invalid type: string"),
        (
            event_with(json!({"type": "inventory.stock.changed.v2"})).into(),
            "unknown type or version: inventory.stock.changed.v2",
        ),
        (event_with(json!({"type": "order.confirmed.v1"})).into(), "unknown type or version: order.confirmed.v1"),
        (event_with(json!({"data": null})).into(), "missing field `data`"),
        (event_with(json!({"data": {"version": null}})).into(), "missing field `version`"),
        (event_with(json!({"data": {"sku": "no such sku!"}})).into(), "SKU"),
        (event_with(json!({"id": "x"})).into(), "UUID"),
    ];
    for (body, _) in &poison {
        nats.publish(SUBJECT, body).await;
    }
    inventory.announce("AAA", [3]).await;
    eventually(async || store.effects("AAA").await == [1, 3]).await;
    eventually(async || store.count(DEAD).await == 11).await;
    for ((body, expected), (kept, error, attempts)) in poison.iter().zip(letters(&store).await) {
        assert_eq!((body, attempts), (&kept, 0));
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn what_a_newer_publisher_adds_is_ignored() {
    let (nats, _inventory, store) = scene(writing_down(&Arc::default())).await;
    let added = json!({"dataschema": "/schemas/9", "partitionkey": "AAA", "data": {"warehouse": {"name": "north"}}});
    nats.publish(SUBJECT, event_with(added)).await;
    eventually(async || store.effects("AAA").await == [1, 2]).await;
    assert_eq!(store.count(DEAD).await, 0);
}

#[tokio::test]
async fn a_later_version_on_a_subject_of_its_own_disturbs_nobody_who_does_not_know_it() {
    let (nats, inventory, store) = scene(writing_down(&Arc::default())).await;
    nats.publish("inventory.stock.changed.v2", event_with(json!({"type": "inventory.stock.changed.v2"}))).await;
    inventory.announce("AAA", [3]).await;
    eventually(async || store.effects("AAA").await == [1, 3]).await;
    assert_eq!(store.count(DEAD).await, 0);
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_set_aside_after_every_attempt() {
    let (nats, inventory, store) = scene(writing_down(&Arc::default())).await;
    sqlx::raw_sql("alter table effect add constraint effect_version_possible check (version > 0)")
        .execute(&mut store.database.connect().await)
        .await
        .unwrap();
    nats.publish(SUBJECT, event("AAA", -1)).await;
    inventory.announce("AAA", [2]).await;
    eventually(async || store.effects("AAA").await == [1, 2]).await;
    eventually(async || store.count(DEAD).await == 1).await;
    let (_, error, attempts) = &letters(&store).await[0];
    assert!(error.contains("effect_version_possible"), "{error}");
    assert_eq!(*attempts, 18);
}

#[tokio::test]
async fn a_reaction_that_panics_is_an_error_like_others_and_stops_none() {
    let panicking = Subscriptions::of("store").on(|db, event: StockChanged, _| {
        assert!(event.version != 2, "this version is one too many");
        Box::pin(async move { write_down(db, &event).await })
    });
    let (_nats, inventory, store) = scene(panicking).await;
    inventory.announce("AAA", [2]).await;
    inventory.announce("BBB", [1]).await;
    eventually(async || store.effects("BBB").await == [1]).await;
    eventually(async || store.count(DEAD).await == 1).await;
    assert!(letters(&store).await[0].1.contains("panicked"));
}

#[tokio::test]
async fn a_message_that_is_set_aside_again_is_no_second_letter() {
    let (nats, _inventory, store) = scene(writing_down(&Arc::default())).await;
    // As when the acknowledgement was lost. In between comes another, which shows that both were seen.
    for poison in ["not even JSON", "not even JSON", "nor this"] {
        nats.publish(SUBJECT, poison).await;
    }
    eventually(async || letters(&store).await.iter().any(|(body, ..)| body == b"nor this")).await;
    assert_eq!(store.count(DEAD).await, 2);
}

#[tokio::test]
async fn headers_and_errors_of_any_length_and_content_are_kept_as_far_as_they_can_be() {
    let (nats, _inventory, store) = scene(writing_down(&Arc::default())).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Odd", "one\0two");
    headers.append("Odd", "three");
    let body = json!({"type": "x".repeat(500_000)}).to_string();
    let jetstream = crate::setting::jetstream(&nats).await;
    jetstream.publish_with_headers(SUBJECT, headers, body.into()).await.unwrap().await.unwrap();
    eventually(async || store.count(DEAD).await == 1).await;
    let kept = "select (jsonb_array_length(headers->'Odd') + length(error))::bigint from messaging.dead_letter";
    assert_eq!(store.count(kept).await, 2 + 2_000);
}
