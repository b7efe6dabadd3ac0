//! `/v1/shipments` and `/v1/shipments/{order_id}`: booking, cancelling, showing, listing.

use contracts::{OrderId, seed};
use futures::future::join_all;
use serde_json::json;

use crate::started::{Shipping, address, booking, booking_for, booking_with, price};

#[tokio::test]
async fn booking_twice_gives_the_same_shipment_once() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    let first = shipping.book(order, &booking()).await.expect(200).json();
    assert_eq!((&first["state"], &first["days"]), (&json!("booked"), &json!(2)));
    assert_eq!(shipping.book(order, &booking()).await.expect(200).json(), first);
    assert_eq!(shipping.history(order).await, ["booked"]);
    assert_eq!(shipping.number("select count(*) from shipment").await, 1);
    shipping.end().await;
}

#[tokio::test]
async fn many_equal_bookings_at_once_give_one_shipment() {
    let shipping = Shipping::start().await;
    let (order, body) = (OrderId::generate(), booking());
    let answers = join_all((0..16).map(|_| shipping.book(order, &body))).await;
    let first = answers[0].json();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.json() == first), "{answers:?}");
    assert_eq!(shipping.history(order).await, ["booked"]);
    shipping.end().await;
}

#[tokio::test]
async fn another_booking_for_the_same_order_is_a_conflict() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    let first = shipping.book(order, &booking()).await.expect(200).json();
    let others = [
        booking_for(seed::BOB),
        booking_with("to", address("AT")),
        booking_with("weight_grams", json!(801)),
        booking_with("service", json!("express")),
        booking_with("price", price(491)),
    ];
    for other in &others {
        assert_eq!(shipping.book(order, other).await.expect(409).code(), "conflicting_request", "{other}");
    }
    assert_eq!(shipping.show(order).await.json(), first);
    shipping.end().await;
}

#[tokio::test]
async fn a_booking_is_refused_with_the_facts_and_leaves_nothing() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    let nowhere = shipping.book(order, &booking_with("to", address("AQ"))).await.expect(422).json();
    assert_eq!((&nowhere["code"], &nowhere["country"]), (&json!("unserviceable_address"), &json!("AQ")));
    let heavy = shipping.book(order, &booking_with("weight_grams", json!(30_001))).await.expect(422).json();
    assert_eq!((&heavy["code"], &heavy["limit_grams"]), (&json!("overweight"), &json!(30_000)));
    let cheap = shipping.book(order, &booking_with("price", price(489))).await.expect(409).json();
    assert_eq!((&cheap["code"], &cheap["current"]), (&json!("price_mismatch"), &price(490)));
    assert_eq!(shipping.number("select count(*) from shipment").await, 0);
    shipping.book(order, &booking()).await.expect(200);
    shipping.end().await;
}

#[tokio::test]
async fn a_shipment_is_cancelled_once_however_often_it_is_asked() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    shipping.book(order, &booking()).await.expect(200);
    for _ in 0..3 {
        shipping.cancel(order).await.expect(204);
    }
    assert_eq!(shipping.history(order).await, ["booked", "cancelled"]);
    assert_eq!(shipping.book(order, &booking()).await.expect(409).code(), "shipment_cancelled");
    shipping.end().await;
}

#[tokio::test]
async fn an_undo_before_its_do_is_remembered() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    shipping.cancel(order).await.expect(204);
    shipping.cancel(order).await.expect(204);
    assert_eq!(shipping.book(order, &booking()).await.expect(409).code(), "shipment_cancelled");
    assert_eq!(shipping.show(order).await.expect(404).code(), "shipment_not_found");
    assert_eq!(shipping.dispatch(order).await.expect(404).code(), "shipment_not_found");
    shipping.end().await;
}

#[tokio::test]
async fn a_booking_that_was_refused_and_cancelled_is_refused_for_good() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    shipping.book(order, &booking_with("price", price(489))).await.expect(409);
    shipping.cancel(order).await.expect(204);
    assert_eq!(shipping.book(order, &booking()).await.expect(409).code(), "shipment_cancelled");
    shipping.end().await;
}

#[tokio::test]
async fn a_booking_and_its_undo_at_once_never_leave_a_live_shipment() {
    let shipping = Shipping::start().await;
    let body = booking();
    for _ in 0..20 {
        let order = OrderId::generate();
        let (booked, cancelled) = tokio::join!(shipping.book(order, &body), shipping.cancel(order));
        cancelled.expect(204);
        assert!([200, 409].contains(&booked.status.as_u16()), "{booked:?}");
    }
    assert_eq!(shipping.number("select count(*) from shipment where state <> 'cancelled'").await, 0);
    assert_eq!(shipping.number("select count(*) from shipment").await, 20);
    shipping.end().await;
}

#[tokio::test]
async fn another_customers_shipment_is_not_found() {
    let shipping = Shipping::start().await;
    let order = OrderId::generate();
    let number = shipping.book(order, &booking()).await.expect(200).json()["tracking_number"].clone();
    let number = number.as_str().unwrap();
    for path in
        [format!("/v1/shipments/{order}"), format!("/v1/shipments/{order}/tracking"), format!("/v1/tracking/{number}")]
    {
        shipping.client.get(&path, &shipping.alice()).await.expect(200);
        shipping.client.get(&path, &shipping.sam()).await.expect(200);
        assert_eq!(shipping.client.get(&path, &shipping.bob()).await.expect(404).code(), "shipment_not_found");
    }
    shipping.end().await;
}

#[tokio::test]
async fn a_list_shows_customers_their_own_and_staff_all_newest_first() {
    let shipping = Shipping::start().await;
    let orders: Vec<OrderId> = (0..5).map(|_| OrderId::generate()).collect();
    for order in &orders {
        shipping
            .book(*order, &booking_for(if *order == orders[2] { seed::BOB } else { seed::ALICE }))
            .await
            .expect(200);
    }
    shipping.cancel(orders[4]).await.expect(204);
    shipping.cancel(OrderId::generate()).await.expect(204);
    let list = async |query: &str, token: &str| -> Vec<String> {
        let page = shipping.client.get(&format!("/v1/shipments{query}"), token).await.expect(200).json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|it| it["order_id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let ids = |indices: &[usize]| indices.iter().map(|i| orders[*i].to_string()).collect::<Vec<_>>();
    assert_eq!(list("", &shipping.sam()).await, ids(&[4, 3, 2, 1, 0]));
    assert_eq!(list("", &shipping.bob()).await, ids(&[2]));
    assert_eq!(list("?state=booked", &shipping.alice()).await, ids(&[3, 1, 0]));
    assert_eq!(list(&format!("?limit=2&after={}", orders[3]), &shipping.alice()).await, ids(&[1, 0]));
    shipping.end().await;
}

#[tokio::test]
async fn pages_cover_the_list_without_gap_or_repetition() {
    let shipping = Shipping::start().await;
    for _ in 0..5 {
        shipping.book(OrderId::generate(), &booking()).await.expect(200);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page =
            shipping.client.get(&format!("/v1/shipments?limit=2{after}"), &shipping.alice()).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["order_id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    shipping.end().await;
}
