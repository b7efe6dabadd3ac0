//! `/v1/quotes`.

use serde_json::{Value, json};

use crate::started::{Shipping, address, price};

async fn quote(shipping: &Shipping, country: &str, grams: i64) -> testkit::Answer {
    let body = json!({"to": address(country), "weight_grams": grams});
    shipping.client.post("/v1/quotes", &shipping.alice(), &body).await
}

fn prices(answer: testkit::Answer) -> Vec<(String, i64, i64)> {
    let options = answer.expect(200).json()["options"].as_array().cloned().unwrap();
    let number = |value: &Value| value.as_i64().unwrap();
    options
        .iter()
        .map(|it| (it["service"].as_str().unwrap().to_owned(), number(&it["price"]["amount"]), number(&it["days"])))
        .collect()
}

#[tokio::test]
async fn a_quote_depends_on_the_zone_of_the_country() {
    let shipping = Shipping::start().await;
    let option = |service: &str, cents, days| (service.to_owned(), cents, days);
    for (country, standard, express) in
        [("DE", (490, 2), (1190, 1)), ("FR", (1090, 5), (2490, 2)), ("JP", (1890, 14), (3990, 4))]
    {
        let expected = [option("standard", standard.0, standard.1), option("express", express.0, express.1)];
        assert_eq!(prices(quote(&shipping, country, 700).await), expected, "{country}");
    }
    shipping.end().await;
}

#[tokio::test]
async fn a_weight_bracket_ends_with_its_limit() {
    let shipping = Shipping::start().await;
    let edges = [1, 1000, 1001, 2000, 2001, 5000, 5001, 10_000, 10_001, 20_000, 20_001, 30_000];
    let mut seen = Vec::new();
    for grams in edges {
        seen.push(prices(quote(&shipping, "DE", grams).await)[0].1);
    }
    assert_eq!(seen, [490, 490, 590, 590, 690, 690, 990, 990, 1590, 1590, 1990, 1990]);
    shipping.end().await;
}

#[tokio::test]
async fn the_seeded_price_never_falls_with_weight() {
    let shipping = Shipping::start().await;
    let falling = "select count(*) from rate a join rate b using (zone, service)
                   where a.up_to_grams < b.up_to_grams and a.price_amount > b.price_amount";
    assert_eq!(shipping.number(falling).await, 0);
    shipping.end().await;
}

#[tokio::test]
async fn a_country_that_no_carrier_reaches_is_refused_with_the_country() {
    let shipping = Shipping::start().await;
    let refused = quote(&shipping, "AQ", 700).await.expect(422).json();
    assert_eq!((&refused["code"], &refused["country"]), (&json!("unserviceable_address"), &json!("AQ")));
    shipping.end().await;
}

#[tokio::test]
async fn a_parcel_over_thirty_kilograms_is_refused_with_the_limit() {
    let shipping = Shipping::start().await;
    quote(&shipping, "DE", 30_000).await.expect(200);
    let refused = quote(&shipping, "DE", 30_001).await.expect(422).json();
    assert_eq!(refused["code"], "overweight");
    assert_eq!((&refused["weight_grams"], &refused["limit_grams"]), (&json!(30_001), &json!(30_000)));
    shipping.end().await;
}

#[tokio::test]
async fn what_is_quoted_can_be_booked() {
    let shipping = Shipping::start().await;
    for (service, cents, _) in prices(quote(&shipping, "FR", 1500).await) {
        let body = json!({"customer_id": contracts::seed::ALICE, "to": address("FR"), "weight_grams": 1500,
            "service": service, "price": price(cents)});
        shipping.book(contracts::OrderId::generate(), &body).await.expect(200);
    }
    shipping.end().await;
}

#[tokio::test]
async fn an_estimate_is_what_a_quote_says_and_refuses_what_it_refuses() {
    let shipping = Shipping::start().await;
    let estimate = async |country: &str, grams: i64| {
        let path = format!("/v1/estimates?country={country}&weight_grams={grams}");
        shipping.client.get(&path, &shipping.alice()).await
    };
    for (country, grams) in [("DE", 700), ("FR", 1001), ("JP", 30_000)] {
        let quoted = quote(&shipping, country, grams).await.expect(200).json();
        assert_eq!(estimate(country, grams).await.expect(200).json(), quoted);
    }
    for (country, grams, code) in [("AQ", 700, "unserviceable_address"), ("DE", 30_001, "overweight")] {
        assert_eq!(estimate(country, grams).await.expect(422).code(), code);
    }
    for query in ["", "?country=DE", "?country=DE&weight_grams=0", "?country=DE&weight_grams=x"] {
        let answer = shipping.client.get(&format!("/v1/estimates{query}"), &shipping.alice()).await;
        assert_eq!(answer.expect(400).code(), "invalid_query", "{query}");
    }
    shipping.end().await;
}
