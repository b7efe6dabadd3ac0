//! What shipping does when an order is confirmed.

use contracts::OrderId;
use testkit::eventually;

use crate::started::{Shipping, booking};

const EFFECTS: &str = "select count(*) from messaging.inbox";
const DEAD: &str = "select count(*) from messaging.dead_letter";

#[tokio::test]
async fn a_confirmed_order_is_prepared_once_however_often_it_is_announced() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.announce_confirmed(order).await;
    eventually(async || shipping.number(EFFECTS).await == 2).await;
    assert_eq!(shipping.history(order).await, ["booked", "prepared"]);
    shipping.end().await;
}

#[tokio::test]
async fn a_late_confirmation_changes_nothing_of_what_is_under_way() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.dispatch(order).await.expect(200);
    shipping.announce_confirmed(order).await;
    eventually(async || shipping.number(EFFECTS).await == 2).await;
    assert_eq!(shipping.show(order).await.json()["state"], "dispatched");
    shipping.end().await;
}

#[tokio::test]
async fn a_confirmed_order_whose_shipment_is_cancelled_is_not_prepared() {
    let shipping = Shipping::start().await;
    let (booked, never_booked) = (OrderId::generate(), OrderId::generate());
    shipping.book(booked, &booking()).await.expect(200);
    for order in [booked, never_booked] {
        shipping.cancel(order).await.expect(204);
        shipping.announce_confirmed(order).await;
    }
    eventually(async || shipping.number(EFFECTS).await == 2).await;
    assert_eq!(shipping.history(booked).await, ["booked", "cancelled"]);
    assert_eq!(shipping.number("select count(*) from shipment where state <> 'cancelled'").await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_confirmation_that_comes_again_after_it_was_forgotten_changes_nothing() {
    let shipping = Shipping::start().await;
    let (prepared, sent, cancelled) = (shipping.prepared().await, shipping.prepared().await, shipping.prepared().await);
    shipping.dispatch(sent).await.expect(200);
    shipping.deliver(sent).await.expect(200);
    shipping.cancel(cancelled).await.expect(204);
    let announced = "select count(*) from messaging.outbox where subject like 'shipping.%'";
    let before = shipping.number(announced).await;
    for _ in 0..2 {
        shipping.database.deliver_late().await;
    }
    assert_eq!(shipping.history(prepared).await, ["booked", "prepared"]);
    assert_eq!(shipping.history(sent).await, ["booked", "prepared", "dispatched", "delivered"]);
    assert_eq!(shipping.history(cancelled).await, ["booked", "prepared", "cancelled"]);
    assert_eq!(shipping.number(announced).await, before);
    shipping.end().await;
}

#[tokio::test]
async fn what_an_operator_redrives_once_its_cause_is_gone_takes_effect() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    shipping.announce_confirmed(order).await;
    eventually(async || shipping.number(DEAD).await == 1).await;
    let olga = shipping.tokens.operator("shipping");
    let letter = shipping.client.get("/v1/dead-letters", &olga).await.expect(200).json()["items"][0].clone();
    assert!(letter["error"].as_str().unwrap().contains("has no shipment"), "{letter}");
    let redrive = format!("/v1/dead-letters/{}/redrive", letter["id"].as_str().unwrap());
    let failed = shipping.client.post(&redrive, &olga, &()).await.expect(409);
    assert_eq!(failed.code(), "redrive_failed");
    shipping.book(order, &booking()).await.expect(200);
    shipping.client.post(&redrive, &olga, &()).await.expect(200);
    assert_eq!(shipping.history(order).await, ["booked", "prepared"]);
    let actions = shipping.client.get("/v1/dead-letter-actions", &olga).await.expect(200).json();
    let outcomes: Vec<_> = actions["items"].as_array().unwrap().iter().map(|action| &action["outcome"]).collect();
    assert_eq!(outcomes, ["took_effect", "failed"]);
    shipping.end().await;
}

#[tokio::test]
async fn a_confirmed_order_without_a_shipment_blocks_no_other() {
    let shipping = Shipping::start().await;
    shipping.announce_confirmed(OrderId::generate()).await;
    shipping.prepared().await;
    assert_eq!(shipping.number(DEAD).await, 0, "it is still tried again");
    shipping.end().await;
}
