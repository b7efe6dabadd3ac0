//! What inventory reacts to, and what it announces.

use std::pin::pin;

use contracts::{OrderId, Sku, inventory::StockChanged, order::OrderConfirmed, seed, shipping::ShipmentDispatched};
use futures::StreamExt;
use messaging::Heard;
use serde_json::json;
use testkit::eventually;
use time::OffsetDateTime;

use crate::started::Inventory;

fn confirmed(order_id: OrderId) -> OrderConfirmed {
    let money = |cents: i64| serde_json::from_value(json!({"amount": cents, "currency": "EUR"})).unwrap();
    let ship_to = json!({"name": "Alice Example", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin",
        "country": "DE"});
    OrderConfirmed {
        order_id,
        customer_id: seed::ALICE,
        lines: Vec::new(),
        shipping_price: money(490),
        total: money(2490),
        ship_to: serde_json::from_value(ship_to).unwrap(),
        confirmed_at: OffsetDateTime::now_utc(),
    }
}

fn dispatched(order_id: OrderId) -> ShipmentDispatched {
    let tracking_number = "RS0000000001".to_owned();
    ShipmentDispatched { order_id, tracking_number, dispatched_at: OffsetDateTime::now_utc() }
}

#[tokio::test]
async fn a_confirmed_order_commits_its_reservation() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.hear(&confirmed(order)).await;
    it.reaches(order, "committed").await;
    assert_eq!(it.level("MUG-BLUE").await, (10, 2));
    it.end().await;
}

#[tokio::test]
async fn a_dispatched_order_leaves_the_shelf() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.hear(&confirmed(order)).await;
    it.reaches(order, "committed").await;
    it.hear(&dispatched(order)).await;
    it.reaches(order, "shipped").await;
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    assert_eq!(it.movements("MUG-BLUE").await[0], ("shipped".to_owned(), -2));
    it.end().await;
}

#[tokio::test]
async fn a_dispatch_may_overtake_the_confirmation() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.hear(&dispatched(order)).await;
    it.reaches(order, "shipped").await;
    it.hear(&confirmed(order)).await;
    let confirmations = "select count(*) from messaging.inbox where consumer like '%confirmed%'";
    eventually(async || it.number(confirmations).await == 1).await;
    assert_eq!(it.state(order).await, "shipped");
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    it.end().await;
}

#[tokio::test]
async fn a_fact_that_is_announced_twice_takes_effect_once() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    for _ in 0..2 {
        it.hear(&confirmed(order)).await;
        it.hear(&dispatched(order)).await;
    }
    eventually(async || it.number("select count(*) from messaging.inbox").await == 4).await;
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    assert_eq!(it.number("select count(*) from movement where kind = 'shipped'").await, 1);
    it.end().await;
}

#[tokio::test]
async fn what_comes_again_after_it_was_forgotten_and_in_the_wrong_order_has_no_second_effect() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let (sent, cancelled) = (it.reserved(&[("MUG-BLUE", 2)]).await, it.reserved(&[("MUG-BLUE", 3)]).await);
    it.hear(&confirmed(sent)).await;
    it.reaches(sent, "committed").await;
    it.hear(&dispatched(sent)).await;
    it.reaches(sent, "shipped").await;
    it.hear(&confirmed(cancelled)).await;
    it.reaches(cancelled, "committed").await;
    it.release(cancelled).await.expect(204);
    let announced = "select count(*) from messaging.outbox where subject = 'inventory.stock.changed.v1'";
    let before = it.number(announced).await;
    for _ in 0..2 {
        it.database.deliver_late().await;
    }
    assert_eq!((it.state(sent).await, it.state(cancelled).await), ("shipped".to_owned(), "released".to_owned()));
    assert_eq!((it.level("MUG-BLUE").await, it.number(announced).await), ((8, 0), before));
    assert_eq!(it.number("select count(*) from movement where kind = 'shipped'").await, 1);
    it.end().await;
}

#[tokio::test]
async fn goods_that_leave_though_they_were_put_back_are_a_matter_for_an_operator_and_stop_no_other() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let (released, other) = (it.reserved(&[("MUG-BLUE", 2)]).await, it.reserved(&[("MUG-BLUE", 3)]).await);
    it.release(released).await.expect(204);
    it.hear(&dispatched(released)).await;
    it.hear(&dispatched(other)).await;
    it.reaches(other, "shipped").await;
    eventually(async || it.number("select count(*) from messaging.dead_letter").await == 1).await;
    let olga = it.tokens.operator("inventory");
    let letter = it.client.get("/v1/dead-letters", &olga).await.expect(200).json()["items"][0].clone();
    assert_eq!(letter["consumer"], "inventory-shipping-shipment-dispatched-v1");
    assert!(letter["error"].as_str().unwrap().contains("released"), "{letter}");
    assert_eq!(it.level("MUG-BLUE").await, (7, 0));
    it.end().await;
}

#[tokio::test]
async fn what_is_no_event_of_its_type_is_set_aside_at_once_and_the_rest_goes_on() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    let versioned = json!({"type": "shipping.shipment.dispatched.v2", "data": {"order_id": order}}).to_string();
    for poison in ["not JSON", "{}", &versioned] {
        it.nats.publish("shipping.shipment.dispatched.v1", poison).await;
    }
    it.hear(&dispatched(order)).await;
    it.reaches(order, "shipped").await;
    eventually(async || it.number("select count(*) from messaging.dead_letter").await == 3).await;
    it.end().await;
}

#[tokio::test]
async fn what_is_shipped_cannot_be_released() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.hear(&dispatched(order)).await;
    it.reaches(order, "shipped").await;
    assert_eq!(it.release(order).await.expect(409).code(), "already_shipped");
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    it.end().await;
}

#[tokio::test]
async fn a_confirmed_order_may_still_be_cancelled() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.hear(&confirmed(order)).await;
    it.reaches(order, "committed").await;
    it.release(order).await.expect(204);
    assert_eq!(it.level("MUG-BLUE").await, (10, 0));
    it.end().await;
}

#[tokio::test]
async fn a_confirmation_that_comes_after_the_cancellation_changes_nothing() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.release(order).await.expect(204);
    it.hear(&confirmed(order)).await;
    eventually(async || it.number("select count(*) from messaging.inbox").await == 1).await;
    assert_eq!(it.state(order).await, "released");
    it.end().await;
}

#[tokio::test]
async fn every_change_of_stock_is_announced_with_a_rising_version() {
    let it = Inventory::start().await;
    let mut heard = pin!(messaging::broadcast::<StockChanged>("test", &it.nats.url()).await.unwrap());
    assert_eq!(eventually(async || heard.next().await).await, Heard::Listening);
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.release(order).await.expect(204);
    let order = it.reserved(&[("MUG-BLUE", 3)]).await;
    it.hear(&dispatched(order)).await;
    for (on_hand, reserved, version) in [(10, 0, 1), (10, 2, 2), (10, 0, 3), (10, 3, 4), (7, 0, 5)] {
        let sku = Sku::parse("MUG-BLUE").unwrap();
        let expected = StockChanged { sku, on_hand, reserved, available: on_hand - reserved, version };
        assert_eq!(eventually(async || heard.next().await).await, Heard::Event(expected));
    }
    it.end().await;
}

#[tokio::test]
async fn stock_is_announced_again_above_every_version_that_was_said() {
    let it = Inventory::start().await;
    for sku in ["MUG-BLUE", "BOWL-ASH"] {
        it.receive(sku, 10).await;
    }
    it.reserved(&[("MUG-BLUE", 2)]).await;
    eventually(async || it.number("select count(*) from messaging.outbox where published_at is null").await == 0).await;
    let mut heard = pin!(messaging::broadcast::<StockChanged>("test", &it.nats.url()).await.unwrap());
    assert_eq!(eventually(async || heard.next().await).await, Heard::Listening);
    let mut least = it.number("select max(version) from stock").await;
    for _ in 0..2 {
        assert_eq!(it.number("select announce_stock_again()").await, 2);
        let mut said = Vec::new();
        while said.len() < 2 {
            if let Heard::Event(stock) = eventually(async || heard.next().await).await {
                assert!(stock.version > least, "{stock:?}");
                said.push(stock);
            }
        }
        least = said.iter().map(|it| it.version).max().unwrap();
        let numbers = |it: &StockChanged| (it.sku.to_string(), it.on_hand, it.reserved, it.available);
        said.sort_by(|a, b| a.sku.cmp(&b.sku));
        let expected = [("BOWL-ASH".to_owned(), 10, 0, 10), ("MUG-BLUE".to_owned(), 10, 2, 8)];
        assert_eq!(said.iter().map(numbers).collect::<Vec<_>>(), expected);
    }
    it.receive("MUG-BLUE", 1).await;
    let Heard::Event(next) = eventually(async || heard.next().await).await else { panic!("the watch broke off") };
    assert!(next.version > least && next.on_hand == 11, "{next:?}");
    it.end().await;
}

#[tokio::test]
async fn a_refused_reservation_announces_nothing() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    it.reserve(OrderId::generate(), &[("MUG-BLUE", 2)]).await.expect(409);
    assert_eq!(it.number("select count(*) from messaging.outbox").await, 1);
    it.end().await;
}
