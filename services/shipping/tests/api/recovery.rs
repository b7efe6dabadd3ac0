//! `/v1/shipments/{order_id}/transit`: a parcel that has left and was forgotten.

use contracts::OrderId;
use serde_json::{Value, json};
use testkit::Answer;

use crate::started::{Shipping, booking, booking_with, price};

const NUMBER: &str = "RS7ZZZZZZZZZZZR";

fn left(delivered_at: Option<&str>) -> Value {
    let left = "2026-01-02T10:00:00Z";
    json!({"booking": booking(), "tracking_number": NUMBER, "dispatched_at": left, "delivered_at": delivered_at})
}

async fn recover(shipping: &Shipping, order: OrderId, body: &Value) -> Answer {
    shipping.client.put(&format!("/v1/shipments/{order}/transit"), &shipping.order(), body).await
}

#[tokio::test]
async fn a_forgotten_parcel_is_taken_back_with_its_number_and_times_and_nothing_is_announced() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    for _ in 0..2 {
        let shipment = recover(&shipping, order, &left(None)).await.expect(200).json();
        assert_eq!((&shipment["state"], &shipment["tracking_number"]), (&json!("dispatched"), &json!(NUMBER)));
    }
    let shipment = recover(&shipping, order, &left(Some("2026-01-04T10:00:00Z"))).await.expect(200).json();
    assert_eq!((&shipment["state"], &shipment["changed_at"]), (&json!("delivered"), &json!("2026-01-04T10:00:00Z")));
    assert_eq!(shipping.history(order).await, ["booked", "prepared", "dispatched", "delivered"]);
    assert_eq!(shipping.number("select count(*) from messaging.outbox").await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_parcel_that_is_still_here_goes_on_from_where_it_is() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    let number = shipping.show(order).await.json()["tracking_number"].clone();
    let mut body = left(None);
    assert_eq!(recover(&shipping, order, &body).await.expect(409).code(), "conflicting_request", "another number");
    body["tracking_number"] = number;
    assert_eq!(recover(&shipping, order, &body).await.expect(200).json()["state"], "dispatched");
    body["booking"] = booking_with("weight_grams", json!(900));
    assert_eq!(recover(&shipping, order, &body).await.expect(409).code(), "conflicting_request");
    shipping.end().await;
}

#[tokio::test]
async fn what_was_cancelled_or_never_cost_that_much_is_not_taken_back() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    let mut body = left(None);
    body["booking"] = booking_with("price", price(1));
    assert_eq!(recover(&shipping, order, &body).await.expect(409).code(), "price_mismatch");
    shipping.cancel(order).await.expect(204);
    assert_eq!(recover(&shipping, order, &left(None)).await.expect(409).code(), "shipment_cancelled");
    shipping.end().await;
}
