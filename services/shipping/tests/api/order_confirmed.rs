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
async fn a_confirmed_order_without_a_shipment_blocks_no_other() {
    let shipping = Shipping::start().await;
    shipping.announce_confirmed(OrderId::generate()).await;
    shipping.prepared().await;
    assert_eq!(shipping.number(DEAD).await, 0, "it is still tried again");
    shipping.end().await;
}
