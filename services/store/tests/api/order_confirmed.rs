//! What the store does when an order is confirmed, and when it is cancelled.

use contracts::{
    CloudEvent, Event, EventId, OrderId,
    order::{OrderCancelled, OrderConfirmed, OrderLine},
    seed,
};
use futures::future::join_all;
use serde_json::json;
use time::OffsetDateTime;

use crate::started::{Store, price};

fn confirmed(lines: &[(&str, i64)]) -> OrderConfirmed {
    let money = |cents| serde_json::from_value(price(cents)).unwrap();
    let lines = lines.iter().map(|(sku, quantity)| OrderLine {
        sku: sku.parse().unwrap(),
        name: "As it was called".to_owned(),
        quantity: (*quantity).try_into().unwrap(),
        unit_price: money(1490),
    });
    let ship_to =
        json!({"name": "Alice", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"});
    OrderConfirmed {
        order_id: OrderId::generate(),
        customer_id: seed::ALICE,
        lines: lines.collect(),
        shipping_price: money(490),
        total: money(1980),
        ship_to: serde_json::from_value(ship_to).unwrap(),
        confirmed_at: OffsetDateTime::now_utc(),
    }
}

async fn sold(store: &Store, sku: &str) -> i64 {
    store.number(&format!("select sold from product where sku = '{sku}'")).await
}

#[tokio::test]
async fn a_confirmed_order_counts_what_it_sold() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("MUG-GREEN", 1490).await;
    store.hear(&confirmed(&[("MUG-BLUE", 2), ("MUG-GREEN", 5)])).await;
    store.hear(&confirmed(&[("MUG-GREEN", 1), ("MUG-BLUE", 1), ("NO-SUCH", 1)])).await;
    store.heard(2).await;
    assert_eq!((sold(&store, "MUG-BLUE").await, sold(&store, "MUG-GREEN").await), (3, 6));
    let popular = store.get("/v1/products?sort=popular").await.json();
    assert_eq!(popular["items"][0]["sku"], "MUG-GREEN");
    assert_eq!(popular["items"][0]["version"], 1, "a sale is no edit");
    store.end().await;
}

#[tokio::test]
async fn the_same_event_twice_counts_once() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.hear(&confirmed(&[("MUG-BLUE", 2)])).await;
    store.heard(1).await;
    deliver_again(&store).await;
    store.hear(&confirmed(&[("MUG-BLUE", 1)])).await;
    store.heard(2).await;
    assert_eq!(sold(&store, "MUG-BLUE").await, 3);
    store.end().await;
}

#[tokio::test]
async fn an_order_announced_again_under_another_name_counts_once() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let order = confirmed(&[("MUG-BLUE", 2)]);
    for _ in 0..3 {
        store.hear(&order).await;
    }
    store.heard(3).await;
    assert_eq!(sold(&store, "MUG-BLUE").await, 2);
    store.end().await;
}

#[tokio::test]
async fn a_sale_counts_once_whoever_announces_it_again_and_however_late() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let (order, returned) = (confirmed(&[("MUG-BLUE", 2)]), confirmed(&[("MUG-BLUE", 5)]));
    store.hear(&order).await;
    store.hear(&order).await;
    store.hear(&returned).await;
    store.heard(3).await;
    store.hear(&cancelled(&returned)).await;
    store.heard(4).await;
    assert_eq!(sold(&store, "MUG-BLUE").await, 2, "the same fact under two ids");
    for _ in 0..2 {
        // The cancellation comes first now.
        store.database.deliver_late().await;
    }
    assert_eq!(sold(&store, "MUG-BLUE").await, 2, "forgotten, and delivered again");
    store.end().await;
}

/// Publishes what was announced once more, under another message id: past the de-duplication of the server, as a
/// publication repeated long after would be.
async fn deliver_again(store: &Store) {
    let mut db = store.database.connect().await;
    let body: serde_json::Value =
        sqlx::query_scalar("select body from messaging.outbox where subject = 'order.confirmed.v1'")
            .fetch_one(&mut db)
            .await
            .unwrap();
    let event: CloudEvent<OrderConfirmed> = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(event.kind, OrderConfirmed::TYPE);
    sqlx::query("insert into messaging.outbox (id, subject, aggregate, body) values ($1, $2, $3, $4)")
        .bind(EventId::generate().uuid())
        .bind(OrderConfirmed::TYPE)
        .bind(event.subject)
        .bind(body)
        .execute(&mut db)
        .await
        .unwrap();
}

#[tokio::test]
async fn many_orders_for_the_same_products_in_any_order_of_lines_are_all_counted() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("MUG-GREEN", 1490).await;
    let (there, back) = ([("MUG-BLUE", 1), ("MUG-GREEN", 1)], [("MUG-GREEN", 1), ("MUG-BLUE", 1)]);
    let orders: Vec<_> = (0..20).map(|n| confirmed(if n % 2 == 0 { &there } else { &back })).collect();
    join_all(orders.iter().map(|order| store.hear(order))).await;
    store.heard(20).await;
    assert_eq!((sold(&store, "MUG-BLUE").await, sold(&store, "MUG-GREEN").await), (20, 20));
    store.end().await;
}

fn cancelled(order: &OrderConfirmed) -> OrderCancelled {
    let OrderConfirmed { order_id, customer_id, .. } = *order;
    OrderCancelled { order_id, customer_id, cancelled_at: OffsetDateTime::now_utc() }
}

#[tokio::test]
async fn a_cancelled_order_is_not_sold_any_more_however_often_it_is_heard() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("MUG-GREEN", 1490).await;
    let order = confirmed(&[("MUG-BLUE", 2), ("MUG-GREEN", 5)]);
    store.hear(&order).await;
    store.hear(&confirmed(&[("MUG-BLUE", 1)])).await;
    store.heard(2).await;
    // Three events about one cancellation: what the inbox remembers does not decide.
    for heard in 3..6 {
        store.hear(&cancelled(&order)).await;
        store.heard(heard).await;
    }
    assert_eq!((sold(&store, "MUG-BLUE").await, sold(&store, "MUG-GREEN").await), (1, 0));
    store.end().await;
}

#[tokio::test]
async fn a_cancellation_that_is_heard_before_the_order_keeps_it_from_being_counted() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let order = confirmed(&[("MUG-BLUE", 2)]);
    store.hear(&cancelled(&order)).await;
    store.heard(1).await;
    store.hear(&order).await;
    store.heard(2).await;
    assert_eq!(sold(&store, "MUG-BLUE").await, 0);
    store.end().await;
}

#[tokio::test]
async fn a_product_that_came_after_its_sale_has_nothing_to_give_back() {
    let store = Store::start().await;
    let order = confirmed(&[("MUG-BLUE", 2)]);
    store.hear(&order).await;
    store.heard(1).await;
    store.sell("MUG-BLUE", 1490).await;
    store.hear(&cancelled(&order)).await;
    store.heard(2).await;
    assert_eq!(sold(&store, "MUG-BLUE").await, 0);
    store.end().await;
}

#[tokio::test]
async fn what_an_older_program_counted_is_taken_back_as_it_was_checked_out() {
    let store = Store::start().await;
    let order = confirmed(&[]);
    let cart = store.filled_cart().await;
    let taken = store.check_out(order.order_id, cart).await.expect(200).json();
    let line = &taken["lines"][0];
    let (sku, quantity) = (line["sku"].as_str().unwrap(), line["quantity"].as_i64().unwrap());
    // It knew neither what it counted nor of cancellations.
    let counted = format!("insert into sale (order_id) values ('{}')", order.order_id);
    store.execute(&counted).await;
    store.execute(&format!("update product set sold = sold + {quantity} + 1 where sku = '{sku}'")).await;
    store.hear(&cancelled(&order)).await;
    store.heard(1).await;
    assert_eq!(sold(&store, sku).await, 1);
    store.end().await;
}
