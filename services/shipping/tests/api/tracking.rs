//! `/v1/tracking/{tracking_number}` and `/v1/shipments/{order_id}/tracking`.

use contracts::OrderId;
use time::Duration;

use crate::started::{Shipping, booking};

#[tokio::test]
async fn a_parcel_is_followed_by_order_and_by_number() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.clock.advance(Duration::hours(5));
    shipping.dispatch(order).await.expect(200);
    let by_order =
        shipping.client.get(&format!("/v1/shipments/{order}/tracking"), &shipping.alice()).await.expect(200).json();
    let number = by_order["tracking_number"].as_str().unwrap();
    let by_number = shipping.client.get(&format!("/v1/tracking/{number}"), &shipping.alice()).await.expect(200).json();
    assert_eq!(by_order, by_number);
    assert_eq!(by_order["state"], "dispatched");
    let times: Vec<_> = by_order["events"].as_array().unwrap().iter().map(|event| event["at"].to_string()).collect();
    assert!(times.len() == 3 && times.is_sorted(), "{times:?}");
    shipping.end().await;
}

#[tokio::test]
async fn a_mistyped_tracking_number_is_told_from_an_unknown_one() {
    let shipping = Shipping::start().await;
    let get = async |number: &str| shipping.client.get(&format!("/v1/tracking/{number}"), &shipping.alice()).await;
    assert_eq!(get("RS7ZZZZZZZZZZZR").await.expect(404).code(), "shipment_not_found");
    assert_eq!(get("RS7ZZZZZZZZZZZ4").await.expect(400).code(), "invalid_path");
    shipping.end().await;
}

#[tokio::test]
async fn what_happened_cannot_be_rewritten() {
    let shipping = Shipping::start().await;
    shipping.book(OrderId::generate(), &booking()).await.expect(200);
    let mut db = shipping.database.connect().await;
    for sql in
        ["update tracking_event set state = 'delivered'", "delete from tracking_event", "truncate tracking_event"]
    {
        let refused = sqlx::raw_sql(sql).execute(&mut db).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
    }
    shipping.end().await;
}
