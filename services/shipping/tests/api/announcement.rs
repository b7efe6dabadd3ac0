//! `/v1/shipments/{order_id}/announcement`.

use contracts::OrderId;
use serde_json::{Value, json};

use crate::started::{Shipping, booking};

async fn announce(shipping: &Shipping, order: OrderId) -> testkit::Answer {
    shipping.client.post(&format!("/v1/shipments/{order}/announcement"), &shipping.order(), &json!({})).await
}

#[tokio::test]
async fn a_parcels_way_is_announced_again_with_the_times_at_which_it_went() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    shipping.dispatch(order).await.expect(200);
    shipping.deliver(order).await.expect(200);
    assert_eq!(announce(&shipping, order).await.expect(200).json()["state"], "delivered");
    let mut db = shipping.database.connect().await;
    let said: Vec<Value> = sqlx::query_scalar(
        "select body->'data' from messaging.outbox where subject like 'shipping.%' order by subject, seq",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!((&said[0], &said[2]), (&said[1], &said[3]));
    shipping.end().await;
}

#[tokio::test]
async fn what_has_not_left_is_not_announced() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    assert_eq!(announce(&shipping, order).await.expect(404).code(), "shipment_not_found");
    shipping.book(order, &booking()).await.expect(200);
    assert_eq!(announce(&shipping, order).await.expect(409).code(), "not_dispatched");
    assert_eq!(shipping.number("select count(*) from messaging.outbox").await, 0);
    shipping.end().await;
}
