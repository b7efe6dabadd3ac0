//! `/v1/orders`: placing with wrong input, listing, showing, and whose orders they are.

use contracts::OrderId;
use serde_json::{Value, json};

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, wanted},
};

#[tokio::test]
async fn an_order_is_accepted_at_once_and_found_where_the_answer_says() {
    let suite = Suite::start().await;
    let wanted = wanted();
    let answer = suite.post(&any_key(), 0, &wanted).await.expect(202);
    let body = answer.json();
    assert_eq!((&body["state"], &body["cart_id"], &body["lines"]), (&json!("pending"), &wanted["cart_id"], &json!([])));
    let path = format!("/v1/{}", answer.header("location").unwrap());
    assert_eq!(suite.order.client.get(&path, &suite.alice()).await.expect(200).json()["id"], body["id"]);
    suite.end().await;
}

#[tokio::test]
async fn a_wait_that_is_too_short_is_answered_with_what_is_known() {
    let suite = Suite::start().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let answer = suite.post(&any_key(), 1, &wanted()).await.expect(202);
    assert_eq!((&answer.json()["state"], answer.header("preference-applied")), (&json!("pending"), Some("wait=1")));
    suite.gateway.always("POST accounting/capture", Do::Accept);
    suite.becomes(id(&answer), "confirmed").await;
    suite.end().await;
}

#[tokio::test]
async fn the_means_of_payment_is_shown_to_nobody() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    for token in [suite.alice(), suite.sam(), suite.olga()] {
        let shown = suite.order.client.get(&format!("/v1/orders/{order}"), &token).await.expect(200);
        assert!(!shown.body.contains("tok_ok"), "{}", shown.body);
    }
    suite.end().await;
}

#[tokio::test]
async fn wrong_input_is_refused_with_the_field_that_is_wrong() {
    let suite = Suite::start().await;
    let with = |pointer: &str, value: Value| {
        let mut body = wanted();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let mut unknown = wanted();
    unknown["coupon"] = json!("HALF");
    for (field, body) in [
        ("cart_id", with("/cart_id", json!("x"))),
        ("ship_to", with("/ship_to/country", json!("Germany"))),
        ("ship_to", with("/ship_to/city", json!("a\nb"))),
        ("NUL", with("/ship_to/city", json!("a\u{0}b"))),
        ("shipping.service", with("/shipping/service", json!("teleport"))),
        ("shipping.price.amount", with("/shipping/price/amount", json!(-1))),
        ("shipping.price.amount", with("/shipping/price/amount", json!(4.9))),
        ("shipping.price.currency", with("/shipping/price/currency", json!("XXX"))),
        ("payment.method", with("/payment/method", json!("tok ok"))),
        ("payment.method", with("/payment/method", json!(""))),
        ("payment.method", with("/payment/method", json!("t".repeat(65)))),
        ("coupon", unknown),
        ("ship_to", json!({"cart_id": OrderId::generate()})),
        ("", json!([])),
    ] {
        let answer = suite.post(&any_key(), 0, &body).await;
        assert!(answer.status.is_client_error(), "{field}: {answer:?}");
        assert!(answer.body.contains(field), "{field}: {}", answer.body);
    }
    assert_eq!(suite.number("select count(*) from orders").await, 0);
    suite.end().await;
}

#[tokio::test]
async fn a_price_at_the_edge_of_numbers_is_refused_by_a_step_and_not_a_crash() {
    let suite = Suite::start().await;
    let mut body = wanted();
    body["shipping"]["price"]["amount"] = json!(i64::MAX);
    let answer = suite.post(&any_key(), 5, &body).await.expect(201);
    assert_eq!(answer.json()["state"], "compensated");
    suite.end().await;
}

#[tokio::test]
async fn another_customers_order_is_not_found_and_staff_finds_it() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let path = format!("/v1/orders/{order}");
    assert_eq!(suite.order.client.get(&path, &suite.bob()).await.expect(404).code(), "order_not_found");
    suite.order.client.get(&path, &suite.alice()).await.expect(200);
    suite.order.client.get(&path, &suite.sam()).await.expect(200);
    let list = async |token: String| suite.order.client.get("/v1/orders", &token).await.expect(200).json();
    assert_eq!(list(suite.bob()).await["items"], json!([]));
    assert_eq!(list(suite.alice()).await["items"].as_array().unwrap().len(), 1);
    assert_eq!(list(suite.sam()).await["items"].as_array().unwrap().len(), 1);
    suite.end().await;
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page_and_by_state() {
    let suite = Suite::start().await;
    let mut placed = Vec::new();
    for refused in [false, true, false, true, false] {
        if refused {
            suite.gateway.next("PUT inventory", &[Do::Refuse(409, "out_of_stock")]);
        }
        placed.push(id(&suite.post(&any_key(), 5, &wanted()).await.expect(201)));
    }
    let ids = |page: &Value| -> Vec<OrderId> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|order| order["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let get = async |query: &str| {
        suite.order.client.get(&format!("/v1/orders?{query}"), &suite.alice()).await.expect(200).json()
    };
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = get(&query).await;
        assert!(ids(&page).len() <= 2);
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=2&after={next}");
    }
    placed.reverse();
    assert_eq!(seen, placed);
    assert_eq!(ids(&get("state=compensated").await), [placed[1], placed[3]]);
    for bad in ["limit=0", "limit=101", "after=x", "state=lost"] {
        let answer = suite.order.client.get(&format!("/v1/orders?{bad}"), &suite.alice()).await.expect(400);
        assert!(answer.body.contains(bad.split('=').next().unwrap()), "{}", answer.body);
    }
    suite.end().await;
}

#[tokio::test]
async fn only_a_customer_places_orders() {
    let suite = Suite::start().await;
    let place = async |token: String| suite.post_as(&suite.order, &token, &any_key(), 0, &wanted()).await;
    assert_eq!(place(suite.sam()).await.expect(403).code(), "insufficient_role");
    let machine = suite.tokens.client("order", "reporting", "order:write");
    assert_eq!(place(machine).await.expect(403).code(), "user_required");
    suite.end().await;
}
