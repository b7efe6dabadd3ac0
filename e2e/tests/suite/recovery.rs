//! Processes die; orders and events do not.

use e2e::{Purchase, Shopper, patiently};
use futures::future::join_all;
use serde_json::Value;

use crate::setting::{at_rest, own_suite, shopper, state};

async fn place(shopper: &Shopper, purchase: &Purchase) -> String {
    let cart = shopper.fill_cart(purchase).await.unwrap();
    let order = shopper.order_for(&cart, purchase).await.unwrap();
    shopper.place(order).await.unwrap().expect(202).unwrap().text("id").unwrap()
}

#[tokio::test]
async fn a_killed_and_restarted_order_service_finishes_its_sagas() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    let purchases = ["tok_ok", "tok_slow", "tok_declined", "tok_capture_declined"];
    let purchases: Vec<_> = purchases.iter().cycle().take(12).map(|it| Purchase::default().paid_with(it)).collect();
    let ids = join_all(purchases.iter().map(|purchase| place(&alice, purchase))).await;
    // Slow payments are under way: nothing of this can have ended in time.
    suite.kill("order").unwrap();
    suite.restart("order").await.unwrap();
    for (id, purchase) in ids.iter().zip(&purchases) {
        let order = alice.ended(id).await.unwrap();
        let expected =
            if matches!(purchase.method.as_str(), "tok_ok" | "tok_slow") { "confirmed" } else { "compensated" };
        assert_eq!(state(&order), expected, "{order:#}");
    }
    at_rest(&suite).await;
}

#[tokio::test]
async fn a_second_order_instance_takes_over_from_a_dead_one() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    suite.start_instance("order").await.unwrap();
    let purchases: Vec<_> = (0..8).map(|_| Purchase::default().paid_with("tok_slow")).collect();
    let ids = join_all(purchases.iter().map(|purchase| place(&alice, purchase))).await;
    suite.kill("order").unwrap();
    for id in &ids {
        assert_eq!(state(&alice.ended(id).await.unwrap()), "confirmed");
    }
    at_rest(&suite).await;
}

#[tokio::test]
async fn every_participant_killed_and_restarted_leaves_orders_whole() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    for service in ["store", "inventory", "accounting", "shipping"] {
        let purchases: Vec<_> = (0..4).map(|_| Purchase::default().paid_with("tok_slow")).collect();
        let ids = join_all(purchases.iter().map(|purchase| place(&alice, purchase))).await;
        suite.kill(service).unwrap();
        suite.restart(service).await.unwrap();
        for id in &ids {
            let order = alice.ended(id).await.unwrap();
            assert!(["confirmed", "compensated"].contains(&state(&order)), "{service}: {order:#}");
        }
    }
    at_rest(&suite).await;
}

#[tokio::test]
async fn a_killed_nats_server_loses_no_event() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    let first = alice.buy(&Purchase::default()).await.unwrap();
    suite.nats().kill();
    // The gateway goes on with the instances it knows; events wait in the outboxes.
    let second = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!((state(&first), state(&second)), ("confirmed", "confirmed"));
    suite.nats().restart().await.unwrap();
    for order in [&first, &second] {
        let id = order["id"].as_str().unwrap();
        let invoiced = |order: &Value| order["invoice_number"].is_string();
        alice.see(&format!("/api/order/v1/orders/{id}"), invoiced).await.unwrap();
        let prepared = |shipment: &Value| shipment["state"] == "prepared";
        alice.see(&format!("/api/shipping/v1/shipments/{id}"), prepared).await.unwrap();
    }
    at_rest(&suite).await;
}

#[tokio::test]
async fn a_restarted_postgresql_is_found_again() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    let id = place(&alice, &Purchase::default().paid_with("tok_slow")).await;
    suite.postgres().restart(true).await.unwrap();
    let order = patiently(async || alice.ended(&id).await).await.unwrap();
    assert!(["confirmed", "compensated"].contains(&state(&order)), "{order:#}");
    assert_eq!(state(&alice.buy(&Purchase::default()).await.unwrap()), "confirmed");
    at_rest(&suite).await;
}
