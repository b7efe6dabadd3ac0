//! `/v1/reconciliations`: what is named, what is asked again, and what is written down of it.

use contracts::{OrderId, order::OrderConfirmed};
use serde_json::{Value, json};
use testkit::{Answer, eventually};

use crate::started::{Suite, told};

const AT: &str = "2026-01-01T00:00:00Z";
const PARTICIPANTS: [&str; 4] = ["store", "inventory", "accounting", "shipping"];

/// What a participant says of an order that is bought, or what a test says instead.
fn item(service: &str, order: OrderId, state: &str) -> Value {
    let mut item = json!({"order_id": order, "state": state, "changed_at": AT});
    let more = match service {
        "store" => json!({"request": {}}),
        "accounting" => json!({"invoice_number": "INV-2026-00000001", "captured_at": AT}),
        "shipping" => json!({"tracking_number": "RS7ZZZZZZZZZZZR"}),
        _ => json!({}),
    };
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

const BOUGHT: [(&str, &str); 4] =
    [("store", "done"), ("inventory", "committed"), ("accounting", "captured"), ("shipping", "prepared")];

/// Lets all participants say this of these orders, newest first.
fn let_say(suite: &Suite, orders: &[OrderId], states: [(&str, &str); 4]) {
    for (service, state) in states {
        let items: Vec<_> = orders.iter().rev().map(|order| item(service, *order, state)).collect();
        suite.gateway.lists(service, &items);
    }
}

fn let_know_nothing(suite: &Suite) {
    for service in PARTICIPANTS {
        suite.gateway.lists(service, &[]);
    }
}

async fn ask(suite: &Suite, query: &str, body: &Value) -> Answer {
    suite.order.client.post(&format!("/v1/reconciliations{query}"), &suite.olga(), body).await
}

async fn reconcile(suite: &Suite, body: &Value) -> Value {
    ask(suite, "", body).await.expect(200).json()
}

fn at_once() -> Value {
    json!({"settled_for_seconds": 0})
}

fn repair() -> Value {
    json!({"repair": true, "settled_for_seconds": 0})
}

/// An invoiced order, as everybody knows it.
async fn invoiced(suite: &Suite) -> OrderId {
    let order = suite.confirmed().await;
    suite
        .execute(&format!(
            "update orders set facts = facts || '{{\"invoice_number\": \"INV-2026-00000001\"}}' where id = '{order}'"
        ))
        .await;
    order
}

#[tokio::test]
async fn an_order_on_which_all_agree_is_not_named() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let_say(&suite, &[order], BOUGHT);
    let found = reconcile(&suite, &at_once()).await;
    assert_eq!(found, json!({"looked_at": 1, "left_alone": 0, "disputed": []}));
    suite.end().await;
}

#[tokio::test]
async fn without_repair_what_differs_is_named_and_nothing_is_asked() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let asked = suite.gateway.asked(order).len();
    let_say(&suite, &[order], BOUGHT);
    suite.gateway.lists("inventory", &[]);
    let found = reconcile(&suite, &at_once()).await;
    let disputed = &found["disputed"][0];
    assert_eq!((&disputed["order_id"], &disputed["decided"]), (&json!(order), &json!("confirmed")));
    let expected = json!([{"with": "inventory", "found": "nothing", "steps": ["reserve_stock", "announce_confirmed"]}]);
    assert_eq!((&disputed["disagreements"], &disputed["taken"]), (&expected, &json!([])));
    assert_eq!(suite.gateway.asked(order).len(), asked);
    assert!(suite.show(order).await["timeline"].as_array().unwrap().iter().all(|it| it["saga"] != "reconciliation"));
    suite.end().await;
}

#[tokio::test]
async fn a_repair_asks_again_for_what_the_log_decides_and_the_timeline_says_who_wanted_it() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let_know_nothing(&suite);
    let before = suite.gateway.asked(order).len();
    let found = reconcile(&suite, &repair()).await;
    let taken = found["disputed"][0]["taken"].as_array().unwrap().clone();
    assert!(taken.iter().all(|it| it["outcome"] == "done"), "{taken:?}");
    let asked: Vec<_> = suite.gateway.asked(order)[before..].iter().map(super::gateway::Asked::kind).collect();
    assert_eq!(asked, ["PUT store", "PUT inventory", "PUT accounting", "POST accounting/capture", "PUT shipping"]);
    assert_eq!(suite.announced::<OrderConfirmed>().await, 2);
    let shown = suite.show(order).await;
    let done = told(&shown, "done");
    let steps = [
        "check out cart",
        "reserve stock",
        "authorize payment",
        "capture payment",
        "book shipment",
        "announce confirmed",
    ];
    assert_eq!(done[done.len() - 6..], steps);
    let begun = shown["timeline"].as_array().unwrap().iter().find(|it| it["step"] == "reconcile").unwrap();
    let nothing = json!({"store": "nothing", "inventory": "nothing", "accounting": "nothing", "shipping": "nothing"});
    assert_eq!(begun["detail"]["found"], nothing);
    assert!(begun["detail"]["by"].is_string());
    suite.end().await;
}

#[tokio::test]
async fn what_is_refused_is_told_and_nothing_is_announced() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let_say(&suite, &[order], BOUGHT);
    suite.gateway.lists("inventory", &[]);
    suite.gateway.lists("shipping", &[]);
    suite.gateway.next("PUT inventory", &[super::gateway::Do::Refuse(409, "out_of_stock")]);
    let found = reconcile(&suite, &repair()).await;
    let expected = json!([{"step": "reserve_stock", "outcome": "refused", "code": "out_of_stock"},
        {"step": "book_shipment", "outcome": "done"}, {"step": "announce_confirmed", "outcome": "skipped"}]);
    assert_eq!(found["disputed"][0]["taken"], expected);
    assert_eq!(suite.announced::<OrderConfirmed>().await, 1);
    suite.end().await;
}

#[tokio::test]
async fn an_order_that_only_others_know_is_named_and_undone_only_if_that_is_said() {
    let suite = Suite::start().await;
    let stranger = OrderId::generate();
    let_say(&suite, &[stranger], BOUGHT);
    let named = reconcile(&suite, &repair()).await;
    assert_eq!((&named["disputed"][0]["order_id"], &named["disputed"][0]["taken"]), (&json!(stranger), &json!([])));
    assert!(named["disputed"][0].get("decided").is_none() && suite.gateway.asked(stranger).is_empty());
    let undo = json!({"repair": true, "orphans": "undo", "settled_for_seconds": 0});
    reconcile(&suite, &undo).await;
    let asked: Vec<_> = suite.gateway.asked(stranger).iter().map(super::gateway::Asked::kind).collect();
    assert_eq!(asked, ["DELETE shipping", "POST accounting/refund", "DELETE inventory", "DELETE store"]);
    assert_eq!(suite.number(&format!("select count(*) from orphan_undone where order_id = '{stranger}'")).await, 1);
    suite.end().await;
}

#[tokio::test]
async fn an_order_that_a_saga_works_on_is_left_alone_and_so_is_what_others_may_just_be_hearing() {
    let suite = Suite::start().await;
    suite.gateway.always("PUT inventory", super::gateway::Do::Unavailable);
    let open = suite.place().await;
    eventually(async || suite.gateway.times(open, "PUT inventory") > 0).await;
    let_know_nothing(&suite);
    let found = reconcile(&suite, &repair()).await;
    assert_eq!((&found["left_alone"], &found["disputed"]), (&json!(1), &json!([])));
    suite.gateway.always("PUT inventory", super::gateway::Do::Accept);
    suite.becomes(open, "confirmed").await;
    // Held and not yet committed, booked and not yet prepared, captured and not yet invoiced.
    let_say(
        &suite,
        &[open],
        [("store", "done"), ("inventory", "held"), ("accounting", "captured"), ("shipping", "booked")],
    );
    let found = reconcile(&suite, &json!({"repair": true})).await;
    assert_eq!((&found["left_alone"], &found["disputed"]), (&json!(1), &json!([])));
    assert_eq!(reconcile(&suite, &at_once()).await["disputed"].as_array().unwrap().len(), 1);
    suite.end().await;
}

#[tokio::test]
async fn an_order_put_back_to_before_its_cancellation_is_cancelled_again() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let_say(
        &suite,
        &[order],
        [("store", "done"), ("inventory", "released"), ("accounting", "refunded"), ("shipping", "cancelled")],
    );
    reconcile(&suite, &repair()).await;
    suite.becomes(order, "cancelled").await;
    suite.end().await;
}

#[tokio::test]
async fn an_order_takes_in_what_it_has_not_heard() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let_say(
        &suite,
        &[order],
        [("store", "done"), ("inventory", "shipped"), ("accounting", "captured"), ("shipping", "dispatched")],
    );
    reconcile(&suite, &repair()).await;
    let shown = suite.becomes(order, "dispatched").await;
    assert_eq!(
        (&shown["tracking_number"], &shown["invoice_number"]),
        (&json!("RS7ZZZZZZZZZZZR"), &json!("INV-2026-00000001"))
    );
    assert_eq!(reconcile(&suite, &at_once()).await["disputed"], json!([]));
    suite.end().await;
}

#[tokio::test]
async fn pages_of_any_size_name_every_order_once_whoever_knows_it() {
    let suite = Suite::start().await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.extend([invoiced(&suite).await, OrderId::generate(), OrderId::generate()]);
    }
    let_know_nothing(&suite);
    // Each participant knows some of them, and none knows all.
    for (nr, (service, state)) in BOUGHT.into_iter().enumerate() {
        let known: Vec<_> = all.iter().rev().enumerate().filter(|(at, _)| at % 4 != nr).collect();
        let items: Vec<_> = known.into_iter().map(|(_, order)| item(service, *order, state)).collect();
        suite.gateway.lists(service, &items);
    }
    for limit in [1, 2, 3, 100] {
        let (mut named, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = ask(&suite, &query, &at_once()).await.expect(200).json();
            named.extend(
                page["disputed"].as_array().unwrap().iter().map(|it| it["order_id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?limit={limit}&after={next}");
        }
        let expected: Vec<_> = all.iter().rev().map(ToString::to_string).collect();
        assert_eq!(named, expected, "limit {limit}");
    }
    suite.end().await;
}

#[tokio::test]
async fn a_participant_that_does_not_answer_is_named_and_nothing_is_repaired() {
    let suite = Suite::start().await;
    let order = invoiced(&suite).await;
    let_know_nothing(&suite);
    suite.gateway.lists("shipping", &[json!({"order_id": order})]);
    let asked = suite.gateway.asked(order).len();
    let answer = ask(&suite, "", &repair()).await.expect(503);
    assert_eq!((answer.code(), answer.json()["service"].as_str()), ("participant_silent".to_owned(), Some("shipping")));
    assert_eq!(suite.gateway.asked(order).len(), asked);
    suite.end().await;
}
