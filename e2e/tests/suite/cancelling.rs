//! A confirmed order is cancelled, unless its parcel has left.

use e2e::Purchase;
use serde_json::json;
use testkit::eventually;

use crate::setting::{entries, shared_suite, shopper, state};

#[tokio::test]
async fn a_confirmed_order_is_cancelled_refunded_and_put_back() {
    let suite = shared_suite().await;
    let (bob, sam) = (shopper(suite, "bob").await, shopper(suite, "sam").await);
    let order = bob.buy(&Purchase::of("CHAIR-OAK")).await.unwrap();
    let id = order["id"].as_str().unwrap();
    let path = format!("/api/order/v1/orders/{id}/cancellation");
    bob.post(&path, json!({})).await.unwrap().expect(202).unwrap();
    let order = bob.ended(id).await.unwrap();
    assert_eq!(state(&order), "cancelled", "{order:#}");
    let done = entries(&order, "done");
    for step in ["stop shipment", "refund payment", "release stock"] {
        assert!(done.iter().any(|it| it == step), "{step}: {done:?}");
    }
    let state_of = async |path: String| sam.get(&path).await.unwrap().expect(200).unwrap().text("state").unwrap();
    assert_eq!(state_of(format!("/api/accounting/v1/payments/{id}")).await, "refunded");
    assert_eq!(state_of(format!("/api/shipping/v1/shipments/{id}")).await, "cancelled");
    assert_eq!(state_of(format!("/api/inventory/v1/reservations/{id}")).await, "released");
    // Asked again it is the same cancellation.
    let again = bob.post(&path, json!({})).await.unwrap();
    assert!(again.status.is_success(), "{}", again.body);
}

#[tokio::test]
async fn an_order_whose_parcel_has_left_cannot_be_cancelled() {
    let suite = shared_suite().await;
    let (bob, sam) = (shopper(suite, "bob").await, shopper(suite, "sam").await);
    let order = bob.buy(&Purchase::of("STOOL-PINE")).await.unwrap();
    let id = order["id"].as_str().unwrap();
    let shipment = async || sam.get(&format!("/api/shipping/v1/shipments/{id}")).await.unwrap().body;
    eventually(async || shipment().await["state"] == "prepared").await;
    sam.post(&format!("/api/shipping/v1/shipments/{id}/dispatch"), json!({})).await.unwrap().expect(200).unwrap();
    bob.until(id, |state| state == "dispatched").await.unwrap();
    let refused = bob.post(&format!("/api/order/v1/orders/{id}/cancellation"), json!({})).await.unwrap();
    assert_eq!(refused.expect(409).unwrap().text("code").unwrap(), "cannot_cancel");
    let payment = bob.get(&format!("/api/accounting/v1/payments/{id}")).await.unwrap().expect(200).unwrap();
    assert_eq!(payment.text("state").unwrap(), "captured");
}

#[tokio::test]
async fn another_customers_order_is_not_found() {
    let suite = shared_suite().await;
    let (alice, bob) = (shopper(suite, "alice").await, shopper(suite, "bob").await);
    let order = alice.buy(&Purchase::of("PEN-FOUNTAIN")).await.unwrap();
    let id = order["id"].as_str().unwrap();
    for path in [
        format!("/api/order/v1/orders/{id}"),
        format!("/api/order/v1/orders/{id}/events"),
        format!("/api/accounting/v1/payments/{id}"),
        format!("/api/shipping/v1/shipments/{id}"),
        format!("/api/store/v1/carts/{}", order["cart_id"].as_str().unwrap()),
    ] {
        assert_eq!(bob.get(&path).await.unwrap().status, 404, "{path}");
    }
    let cancel = bob.post(&format!("/api/order/v1/orders/{id}/cancellation"), json!({})).await.unwrap();
    assert_eq!(cancel.status, 404);
    let sam = shopper(suite, "sam").await;
    assert_eq!(sam.get(&format!("/api/order/v1/orders/{id}")).await.unwrap().status, 200);
}
