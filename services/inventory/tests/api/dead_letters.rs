//! `/v1/dead-letters`: that inventory's own reactions are behind it. The rest is tested in `messaging`.

use contracts::{CloudEvent, Event, EventId, shipping::ShipmentDispatched};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::started::Inventory;

#[tokio::test]
async fn a_dispatch_that_was_set_aside_takes_effect_when_it_is_redriven() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order_id = it.reserved(&[("MUG-BLUE", 2)]).await;
    let (at, id) = (OffsetDateTime::now_utc(), EventId::generate());
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id,
        source: "/shipping".to_owned(),
        kind: ShipmentDispatched::TYPE.to_owned(),
        subject: order_id.to_string(),
        time: at,
        datacontenttype: "application/json".to_owned(),
        traceparent: None,
        data: ShipmentDispatched { order_id, tracking_number: "RS0000000001".to_owned(), dispatched_at: at },
    };
    sqlx::query(
        "insert into messaging.dead_letter (id, consumer, subject, body, error, deliveries)
         values ($1, 'inventory-shipping-shipment-dispatched-v1', $2, $3, 'broken on purpose', 8)",
    )
    .bind(id)
    .bind(ShipmentDispatched::TYPE)
    .bind(serde_json::to_vec(&event).unwrap())
    .execute(&mut it.database.connect().await)
    .await
    .unwrap();
    let olga = it.tokens.operator("inventory");
    let page = it.client.get("/v1/dead-letters", &olga).await.expect(200).json();
    assert_eq!(page["items"][0]["id"], json!(id));
    let redriven = it.client.post(&format!("/v1/dead-letters/{id}/redrive"), &olga, &Value::Null).await.expect(200);
    assert_eq!(redriven.json()["took_effect"], true);
    assert_eq!(it.state(order_id).await, "shipped");
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    it.end().await;
}
