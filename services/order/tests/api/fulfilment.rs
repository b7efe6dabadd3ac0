//! What order does when it hears what became of a confirmed order.

use contracts::{
    Currency, Money, OrderId,
    accounting::{InvoiceIssued, PaymentCaptured, PaymentRefunded},
    shipping::{ShipmentDelivered, ShipmentDispatched},
};
use testkit::eventually;
use time::macros::datetime;

use crate::{
    gateway::Do,
    started::{Suite, told},
};

fn dispatched(order_id: OrderId) -> ShipmentDispatched {
    ShipmentDispatched { order_id, tracking_number: "RS1".to_owned(), dispatched_at: datetime!(2026-11-21 10:00 UTC) }
}

fn delivered(order_id: OrderId) -> ShipmentDelivered {
    ShipmentDelivered { order_id, tracking_number: "RS1".to_owned(), delivered_at: datetime!(2026-11-22 10:00 UTC) }
}

const HEARD: &str = "select count(*) from messaging.inbox";

#[tokio::test]
async fn the_parcel_moves_the_order_on() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    suite.announce(&dispatched(order)).await;
    let shown = suite.becomes(order, "dispatched").await;
    assert_eq!((&shown["tracking_number"], &shown["dispatched_at"]), (&"RS1".into(), &"2026-11-21T10:00:00Z".into()));
    assert_eq!(suite.cancel(order).await.expect(409).code(), "cannot_cancel");
    suite.announce(&delivered(order)).await;
    suite.becomes(order, "delivered").await;
    suite.end().await;
}

#[tokio::test]
async fn delivery_heard_before_dispatch_and_both_heard_twice_lead_to_the_same() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    for _ in 0..2 {
        suite.announce(&delivered(order)).await;
        suite.becomes(order, "delivered").await;
        suite.announce(&dispatched(order)).await;
    }
    eventually(async || suite.number(HEARD).await == 4).await;
    let shown = suite.show(order).await;
    assert_eq!(shown["state"], "delivered");
    assert!(shown["dispatched_at"].is_string());
    assert_eq!(told(&shown, "done")[6..], ["shipment delivered", "shipment dispatched"]);
    suite.end().await;
}

#[tokio::test]
async fn the_invoice_and_the_money_show_in_the_timeline() {
    let suite = Suite::start().await;
    let order_id = suite.confirmed().await;
    let amount = Money::new(2990, Currency::Eur);
    suite.announce(&PaymentCaptured { order_id, amount }).await;
    suite.announce(&InvoiceIssued { order_id, number: "2026-0001".to_owned(), total: amount }).await;
    eventually(async || suite.number(HEARD).await == 2).await;
    let shown = suite.show(order_id).await;
    assert_eq!(shown["invoice_number"], "2026-0001");
    let mut heard = told(&shown, "done")[6..].to_vec();
    heard.sort_unstable();
    assert_eq!(heard, ["invoice issued", "payment captured"]);
    suite.end().await;
}

#[tokio::test]
async fn what_comes_again_after_it_was_forgotten_and_in_the_wrong_order_is_told_once() {
    let suite = Suite::start().await;
    let order_id = suite.confirmed().await;
    let amount = Money::new(2990, Currency::Eur);
    suite.announce(&PaymentCaptured { order_id, amount }).await;
    suite.announce(&InvoiceIssued { order_id, number: "2026-0001".to_owned(), total: amount }).await;
    suite.announce(&dispatched(order_id)).await;
    suite.announce(&delivered(order_id)).await;
    // The same fact under another id, as after a restore of who announced it.
    suite.announce(&PaymentCaptured { order_id, amount }).await;
    eventually(async || suite.number(HEARD).await == 5).await;
    let before = suite.show(order_id).await;
    let mut heard = told(&before, "done")[6..].to_vec();
    heard.sort_unstable();
    assert_eq!(heard, ["invoice issued", "payment captured", "shipment delivered", "shipment dispatched"]);
    for _ in 0..2 {
        suite.database.deliver_late().await;
    }
    assert_eq!(suite.show(order_id).await, before);
    assert_eq!(before["state"], "delivered");
    suite.end().await;
}

#[tokio::test]
async fn a_refund_heard_before_the_capture_and_both_heard_late_leave_a_cancelled_order_cancelled() {
    let suite = Suite::start().await;
    let order_id = suite.confirmed().await;
    suite.cancel(order_id).await.expect(202);
    suite.becomes(order_id, "cancelled").await;
    let amount = Money::new(2990, Currency::Eur);
    suite.announce(&PaymentRefunded { order_id, amount }).await;
    eventually(async || suite.number(HEARD).await == 1).await;
    suite.announce(&PaymentCaptured { order_id, amount }).await;
    suite.announce(&InvoiceIssued { order_id, number: "2026-0001".to_owned(), total: amount }).await;
    eventually(async || suite.number(HEARD).await == 3).await;
    let before = suite.show(order_id).await;
    suite.database.deliver_late().await;
    assert_eq!(suite.show(order_id).await, before);
    assert_eq!((&before["state"], &before["invoice_number"]), (&"cancelled".into(), &"2026-0001".into()));
    suite.end().await;
}

#[tokio::test]
async fn news_of_an_order_that_nobody_placed_are_set_aside_and_stop_no_other() {
    let suite = Suite::start().await;
    let order_id = suite.confirmed().await;
    let nobodys = OrderId::generate();
    suite.announce(&dispatched(nobodys)).await;
    suite.announce(&dispatched(order_id)).await;
    suite.becomes(order_id, "dispatched").await;
    eventually(async || suite.number("select count(*) from messaging.dead_letter").await == 1).await;
    let letters = suite.order.client.get("/v1/dead-letters", &suite.olga()).await.expect(200).json();
    assert_eq!(letters["items"][0]["error"], format!("no order {nobodys}"));
    suite.end().await;
}

#[tokio::test]
async fn a_parcel_that_leaves_while_the_order_is_being_cancelled_is_not_forgotten() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    suite.gateway.always("DELETE shipping", Do::Unavailable);
    suite.cancel(order).await.expect(202);
    suite.announce(&dispatched(order)).await;
    eventually(async || suite.number(HEARD).await == 1).await;
    assert_eq!(suite.show(order).await["state"], "cancelling", "the saga decides");
    suite.gateway.always("DELETE shipping", Do::Refuse(409, "already_dispatched"));
    suite.becomes(order, "dispatched").await;
    suite.end().await;
}

#[tokio::test]
async fn what_is_heard_while_a_participant_is_being_asked_is_not_overwritten() {
    let suite = Suite::with(|config| {
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (8_000, 9_000);
    })
    .await;
    let order_id = suite.confirmed().await;
    suite.gateway.next("DELETE inventory", &[Do::Hold]);
    suite.cancel(order_id).await.expect(202);
    eventually(async || suite.gateway.times(order_id, "DELETE inventory") == 1).await;
    let total = Money::new(2990, Currency::Eur);
    suite.announce(&InvoiceIssued { order_id, number: "2026-0001".to_owned(), total }).await;
    eventually(async || suite.number(HEARD).await == 1).await;
    suite.gateway.release();
    assert_eq!(suite.becomes(order_id, "cancelled").await["invoice_number"], "2026-0001");
    suite.end().await;
}
