//! `/v1/shipments/{order_id}/dispatch` and `/deliver`.

use contracts::OrderId;
use futures::future::join_all;
use serde_json::json;

use crate::started::{Shipping, booking};

const DISPATCHED: &str = "shipping.shipment.dispatched.v1";
const DELIVERED: &str = "shipping.shipment.delivered.v1";

#[tokio::test]
async fn dispatch_and_delivery_are_announced_once_each() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    for _ in 0..2 {
        assert_eq!(shipping.dispatch(order).await.expect(200).json()["state"], "dispatched");
    }
    for _ in 0..2 {
        assert_eq!(shipping.deliver(order).await.expect(200).json()["state"], "delivered");
    }
    assert_eq!(shipping.dispatch(order).await.expect(200).json()["state"], "delivered");
    assert_eq!((shipping.announced(DISPATCHED).await, shipping.announced(DELIVERED).await), (1, 1));
    assert_eq!(shipping.history(order).await, ["booked", "prepared", "dispatched", "delivered"]);
    shipping.end().await;
}

#[tokio::test]
async fn many_dispatches_at_once_are_one() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    let answers = join_all((0..16).map(|_| shipping.dispatch(order))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(shipping.announced(DISPATCHED).await, 1);
    shipping.end().await;
}

#[tokio::test]
async fn what_is_announced_names_the_order_the_number_and_the_time() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    let shipment = shipping.dispatch(order).await.expect(200).json();
    let mut db = shipping.database.connect().await;
    let body: serde_json::Value = sqlx::query_scalar("select body from messaging.outbox where subject = $1")
        .bind(DISPATCHED)
        .fetch_one(&mut db)
        .await
        .unwrap();
    let expected = json!({"order_id": order, "tracking_number": shipment["tracking_number"], "dispatched_at": shipment["changed_at"]});
    assert_eq!((&body["data"], &body["subject"]), (&expected, &json!(order)));
    shipping.end().await;
}

#[tokio::test]
async fn what_is_not_prepared_is_not_dispatched() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    assert_eq!(shipping.dispatch(order).await.expect(404).code(), "shipment_not_found");
    shipping.book(order, &booking()).await.expect(200);
    let refused = shipping.dispatch(order).await.expect(409).json();
    assert_eq!((&refused["code"], &refused["state"]), (&json!("not_prepared"), &json!("booked")));
    assert_eq!(shipping.announced(DISPATCHED).await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn what_is_not_dispatched_is_not_delivered() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    let refused = shipping.deliver(order).await.expect(409).json();
    assert_eq!((&refused["code"], &refused["state"]), (&json!("not_dispatched"), &json!("prepared")));
    assert_eq!(shipping.announced(DELIVERED).await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_cancelled_shipment_is_not_dispatched() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.cancel(order).await.expect(204);
    assert_eq!(shipping.dispatch(order).await.expect(409).code(), "shipment_cancelled");
    assert_eq!(shipping.deliver(order).await.expect(409).code(), "shipment_cancelled");
    assert_eq!(shipping.announced(DISPATCHED).await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_dispatched_shipment_is_not_cancelled() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.dispatch(order).await.expect(200);
    let refused = shipping.cancel(order).await.expect(409).json();
    assert_eq!((&refused["code"], &refused["state"]), (&json!("already_dispatched"), &json!("dispatched")));
    shipping.deliver(order).await.expect(200);
    assert_eq!(shipping.cancel(order).await.expect(409).code(), "already_dispatched");
    shipping.end().await;
}

#[tokio::test]
async fn of_a_dispatch_and_a_cancellation_at_once_exactly_one_wins() {
    let shipping = Shipping::start().await;
    let mut dispatched = 0;
    for _ in 0..20 {
        let order = shipping.prepared().await;
        let (sent, stopped) = tokio::join!(shipping.dispatch(order), shipping.cancel(order));
        let outcome = (sent.status.as_u16(), stopped.status.as_u16());
        assert!([(200, 409), (409, 204)].contains(&outcome), "{sent:?} {stopped:?}");
        let state = shipping.show(order).await.json()["state"].clone();
        assert_eq!(state, if outcome.0 == 200 { "dispatched" } else { "cancelled" });
        dispatched += i64::from(outcome.0 == 200);
    }
    assert_eq!(shipping.announced(DISPATCHED).await, dispatched);
    shipping.end().await;
}
