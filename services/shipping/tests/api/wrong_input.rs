//! Bad input of any kind gets a 4xx that names the field, and has no effect.

use contracts::OrderId;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::started::{Shipping, address, booking, booking_with, price};

#[tokio::test]
async fn a_wrong_field_of_a_booking_is_named() {
    let shipping = Shipping::start().await;
    let with = |member: &str, value: Value| (member.to_owned(), booking_with(member, value));
    let without = |member: &str| {
        let mut body = booking();
        body.as_object_mut().unwrap().remove(member);
        body
    };
    let mut wrong = vec![
        with("weight_grams", json!(0)),
        with("weight_grams", json!(-1)),
        with("weight_grams", json!(1.5)),
        with("weight_grams", json!("800")),
        with("weight_grams", json!(9_223_372_036_854_775_807_i64)),
        with("weight_grams", Value::Null),
        with("service", json!("overnight")),
        with("customer_id", json!("alice")),
        with("unheard_of", json!(1)),
        with("to", address("de")),
        with("to", address("")),
        ("price.currency".to_owned(), booking_with("price", json!({"amount": 490, "currency": "XXX"}))),
        ("price.amount".to_owned(), booking_with("price", json!({"amount": 4.9, "currency": "EUR"}))),
    ];
    let mut nameless = address("DE");
    nameless["name"] = json!("");
    wrong.push(with("to", nameless));
    for (field, body) in wrong {
        let refused = shipping.book(OrderId::generate(), &body).await.expect(422).json();
        assert_eq!(
            (&refused["code"], &refused["errors"][0]["field"]),
            (&json!("invalid_body"), &json!(field)),
            "{body}"
        );
    }
    for member in ["customer_id", "to", "weight_grams", "service", "price"] {
        let refused = shipping.book(OrderId::generate(), &without(member)).await.expect(422);
        assert!(refused.body.contains(member), "{}", refused.body);
    }
    let extremes = booking_with("price", price(i64::MIN));
    assert_eq!(shipping.book(OrderId::generate(), &extremes).await.expect(409).code(), "price_mismatch");
    assert_eq!(shipping.number("select count(*) from shipment").await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let shipping = Shipping::start().await;
    let path = format!("/v1/shipments/{}", OrderId::generate());
    let bodies = [&b""[..], b"{", b"\xff\xfe", b"[]", b"{\"customer_id\": \"\\u0000\"}"];
    for body in bodies {
        let request = shipping.client.request(Method::PUT, &path, &shipping.order());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let status = shipping.client.send(request).await.status;
        assert!([400, 422].contains(&status.as_u16()), "{body:?}: {status}");
    }
    let plain = shipping.client.request(Method::PUT, &path, &shipping.order()).body("x");
    assert_eq!(shipping.client.send(plain).await.status, 415);
    let large = booking_with("unheard_of", json!("x".repeat(300 * 1024)));
    assert_eq!(shipping.client.put(&path, &shipping.order(), &large).await.status, 413);
    assert_eq!(shipping.number("select count(*) from shipment").await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_wrong_path_or_query_is_a_bad_request_that_names_it() {
    let shipping = Shipping::start().await;
    let wrong = [
        ("/v1/shipments/not-a-uuid", "order_id"),
        ("/v1/shipments/%00", "order_id"),
        ("/v1/shipments/not-a-uuid/tracking", "order_id"),
        ("/v1/tracking/RS0", "tracking_number"),
        ("/v1/shipments?limit=0", "limit"),
        ("/v1/shipments?limit=101", "limit"),
        ("/v1/shipments?limit=many", "limit"),
        ("/v1/shipments?after=yesterday", "after"),
        ("/v1/shipments?state=lost", "state"),
        ("/v1/rates?zone=moon", "zone"),
    ];
    for (path, field) in wrong {
        let refused = shipping.client.get(path, &shipping.sam()).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{path}: {refused}");
    }
    let change = json!({"price": price(490), "days": 0});
    let refused =
        shipping.client.put("/v1/rates/domestic/standard/1000", &shipping.sam(), &change).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "days");
    for path in ["/v1/rates/moon/standard/1000", "/v1/rates/domestic/slow/1000", "/v1/rates/domestic/standard/-1"] {
        shipping.client.put(path, &shipping.sam(), &change).await.expect(400);
    }
    shipping.end().await;
}
