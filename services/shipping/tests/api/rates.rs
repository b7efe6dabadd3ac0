//! `/v1/rates` and `/v1/countries`.

use contracts::OrderId;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::started::{Shipping, booking, booking_with, price};

fn change(cents: i64) -> Value {
    json!({"price": price(cents), "days": 3})
}

#[tokio::test]
async fn rates_and_countries_are_listed_and_filtered() {
    let shipping = Shipping::start().await;
    let count = async |path: &str| {
        shipping.client.get(path, &shipping.alice()).await.expect(200).json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("/v1/rates").await, 36);
    assert_eq!(count("/v1/rates?zone=europe&service=express").await, 6);
    assert_eq!(count("/v1/countries").await, 43);
    shipping.end().await;
}

#[tokio::test]
async fn the_tariff_may_be_kept_by_all_until_it_changes() {
    let shipping = Shipping::start().await;
    let ask = async |path: &str, tag: &str| {
        let request = shipping.client.request(reqwest::Method::GET, path, &shipping.alice());
        shipping.client.send(request.header("if-none-match", tag)).await
    };
    for path in ["/v1/rates", "/v1/countries"] {
        let answer = ask(path, "\"other\"").await.expect(200);
        assert!(answer.header("cache-control").unwrap().starts_with("public, max-age="), "{path}");
        ask(path, answer.header("etag").unwrap()).await.expect(304);
    }
    let tag = ask("/v1/rates", "").await.header("etag").unwrap().to_owned();
    shipping.client.put("/v1/rates/domestic/standard/1000", &shipping.sam(), &change(550)).await.expect(200);
    assert_ne!(ask("/v1/rates", &tag).await.expect(200).header("etag"), Some(tag.as_str()));
    shipping.end().await;
}

#[tokio::test]
async fn a_changed_rate_is_quoted_and_booked_shipments_keep_their_price() {
    let shipping = Shipping::start().await;
    let before = OrderId::generate();
    shipping.book(before, &booking()).await.expect(200);
    let changed = shipping.client.put("/v1/rates/domestic/standard/1000", &shipping.sam(), &change(550)).await;
    assert_eq!(changed.expect(200).json()["price"], price(550));
    let refused = shipping.book(OrderId::generate(), &booking()).await.expect(409).json();
    assert_eq!(refused["code"], "price_mismatch");
    assert_eq!((&refused["quoted"], &refused["current"]), (&price(490), &price(550)));
    shipping.book(OrderId::generate(), &booking_with("price", price(550))).await.expect(200);
    assert_eq!(shipping.book(before, &booking()).await.expect(200).json()["price"], price(490));
    shipping.end().await;
}

#[tokio::test]
async fn a_rate_that_makes_a_heavier_parcel_cheaper_is_refused() {
    let shipping = Shipping::start().await;
    for (bracket, cents) in [(1000, 591), (2000, 489), (30_000, 1589)] {
        let path = format!("/v1/rates/domestic/standard/{bracket}");
        let refused = shipping.client.put(&path, &shipping.sam(), &change(cents)).await.expect(409);
        assert_eq!(refused.code(), "price_falls_with_weight");
    }
    shipping.end().await;
}

#[tokio::test]
async fn two_changes_together_keep_the_rule_that_each_keeps_alone() {
    let shipping = Shipping::start().await;
    for _ in 0..20 {
        let put = async |grams: i64, cents: i64| {
            let path = format!("/v1/rates/domestic/standard/{grams}");
            shipping.client.put(&path, &shipping.sam(), &change(cents)).await
        };
        put(1000, 490).await;
        put(2000, 590).await;
        let both = join_all([put(1000, 580), put(2000, 500)]).await;
        let accepted = both.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(accepted, 1, "580 for a kilogram and 500 for two must not both stand");
    }
    shipping.end().await;
}

#[tokio::test]
async fn a_rate_is_positive_in_euros_and_for_a_bracket_that_exists() {
    let shipping = Shipping::start().await;
    let put = async |path: &str, body: Value| shipping.client.put(path, &shipping.sam(), &body).await;
    let path = "/v1/rates/domestic/standard/1000";
    let dollars = json!({"price": {"amount": 490, "currency": "USD"}, "days": 2});
    assert_eq!(put(path, dollars).await.expect(422).code(), "unsupported_currency");
    assert_eq!(put(path, change(0)).await.expect(422).code(), "price_not_positive");
    assert_eq!(put(path, change(-1)).await.expect(422).code(), "price_not_positive");
    assert_eq!(put("/v1/rates/domestic/standard/1001", change(490)).await.expect(404).code(), "rate_not_found");
    shipping.end().await;
}
