//! Bad input of any kind gets a 4xx that names the field, and has no effect.

use contracts::OrderId;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::started::{Store, draft_with};

#[tokio::test]
async fn a_wrong_field_of_a_product_is_named() {
    let store = Store::start().await;
    let money = |amount: Value, currency: &str| json!({"amount": amount, "currency": currency});
    let wrong = [
        ("name", draft_with("name", json!(""))),
        ("name", draft_with("name", json!("  "))),
        ("name", draft_with("name", json!("x".repeat(121)))),
        ("name", draft_with("name", json!("bell\u{7}"))),
        ("description", draft_with("description", json!("x".repeat(4001)))),
        ("category", draft_with("category", json!("Not a slug"))),
        ("category", draft_with("category", json!("no-such-category"))),
        ("price", draft_with("price", money(json!(-1), "EUR"))),
        ("price", draft_with("price", money(json!(0), "EUR"))),
        ("price", draft_with("price", money(json!(100_000_000_001_i64), "EUR"))),
        ("price.amount", draft_with("price", money(json!(14.9), "EUR"))),
        ("price.amount", draft_with("price", money(json!("1490"), "EUR"))),
        ("price.currency", draft_with("price", money(json!(1490), "XXX"))),
        ("price.cents", draft_with("price", json!({"amount": 1, "currency": "EUR", "cents": 1}))),
        ("weight_grams", draft_with("weight_grams", json!(0))),
        ("weight_grams", draft_with("weight_grams", json!(-420))),
        ("weight_grams", draft_with("weight_grams", json!(i64::MAX))),
        ("weight_grams", draft_with("weight_grams", Value::Null)),
        ("unheard_of", draft_with("unheard_of", json!(1))),
    ];
    for (field, body) in wrong {
        let refused = store.put_product("MUG-BLUE", &body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    assert_eq!(
        store.put_product("MUG-BLUE", &draft_with("name", json!("a\0b"))).await.expect(400).code(),
        "nul_character"
    );
    assert_eq!(store.number("select count(*) from product").await, 0);
    store.end().await;
}

#[tokio::test]
async fn a_wrong_field_of_a_line_a_cart_or_a_checkout_is_named() {
    let store = Store::start().await;
    let cart = store.filled_cart().await;
    let line = format!("/v1/carts/{cart}/lines/MUG-BLUE");
    let checkout = format!("/v1/checkouts/{}", OrderId::generate());
    let wrong = [
        (Method::PUT, &line, "quantity", json!({"quantity": 0})),
        (Method::PUT, &line, "quantity", json!({"quantity": -1})),
        (Method::PUT, &line, "quantity", json!({"quantity": 1001})),
        (Method::PUT, &line, "quantity", json!({"quantity": 1.5})),
        (Method::PUT, &line, "quantity", json!({"quantity": "2"})),
        (Method::PUT, &line, "price", json!({"quantity": 1, "price": 1})),
        (Method::POST, &"/v1/carts".to_owned(), "currency", json!({"currency": "eur"})),
        (Method::POST, &"/v1/carts".to_owned(), "customer", json!({"currency": "EUR", "customer": "bob"})),
        (Method::PUT, &checkout, "cart_id", json!({"cart_id": "x", "customer_id": cart})),
        (Method::PUT, &checkout, "total", json!({"cart_id": cart, "customer_id": cart, "total": 1})),
    ];
    for (method, path, field, body) in wrong {
        let token = if path == &checkout { store.order() } else { store.alice() };
        let refused =
            store.client.send(store.client.request(method, path, &token).json(&body)).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    assert_eq!(store.show_cart(cart).await["lines"][0]["quantity"], 2);
    store.end().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let store = Store::start().await;
    let path = "/v1/products/MUG-BLUE";
    for body in [&b""[..], b"{", b"\xff\xfe", b"[]", b"{\"name\": \"\\u0000\"}"] {
        let request = store.client.request(Method::PUT, path, &store.sam());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let status = store.client.send(request).await.status;
        assert!([400, 422].contains(&status.as_u16()), "{body:?}: {status}");
    }
    let plain = store.client.request(Method::PUT, path, &store.sam()).body("x");
    assert_eq!(store.client.send(plain).await.status, 415);
    let large = draft_with("description", json!("x".repeat(300 * 1024)));
    assert_eq!(store.put_product("MUG-BLUE", &large).await.status, 413);
    assert_eq!(store.number("select count(*) from product").await, 0);
    store.end().await;
}

#[tokio::test]
async fn a_wrong_path_or_query_is_a_bad_request_that_names_it() {
    let store = Store::start().await;
    let huge = format!("/v1/products?q={}", "x".repeat(201));
    // The cursors: base64 of something else, of another order of the list, and of a name with a NUL.
    let wrong = [
        ("/v1/products?limit=0", "limit"),
        ("/v1/products?limit=101", "limit"),
        ("/v1/products?limit=-1", "limit"),
        ("/v1/products?limit=many", "limit"),
        ("/v1/products?limit=99999999999999999999", "limit"),
        ("/v1/products?after=yesterday", "after"),
        ("/v1/products?after=bm9wZQ", "after"),
        ("/v1/products?after=W3sicHJpY2UiOjF9LCJNVUctQkxVRSJd", "after"),
        ("/v1/products?after=W3sibmFtZSI6ImFcdTAwMDAifSwiTVVHLUJMVUUiXQ", "after"),
        ("/v1/products?sort=random", "sort"),
        ("/v1/products?currency=XXX", "currency"),
        ("/v1/products?price_min=-1", "price_min"),
        ("/v1/products?price_max=-1", "price_max"),
        ("/v1/products?price_max=9.99", "price_max"),
        ("/v1/products?price_max=99999999999999999999", "price_max"),
        ("/v1/products?available=maybe", "available"),
        ("/v1/products?category=No+Slug", "category"),
        ("/v1/products?q=", "q"),
        ("/v1/products?q=a%00b", "q"),
        ("/v1/products?q=%ff%fe", "q"),
        (&huge, "q"),
        ("/v1/products/mug", "sku"),
        ("/v1/products/%00%00%00", "sku"),
        ("/v1/products/MU/picture", "sku"),
        ("/v1/carts/not-a-uuid", "id"),
        ("/v1/carts?after=yesterday", "after"),
        ("/v1/categories?limit=0", "limit"),
    ];
    for (path, field) in wrong {
        let refused = store.get(path).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{path}: {refused}");
    }
    store.get("/v1/products/%ff%fe%fd").await.expect(400);
    let checkouts = [("/v1/checkouts/not-a-uuid", "order_id"), ("/v1/checkouts?after=x", "after")];
    for (path, field) in checkouts {
        let refused = store.client.get(path, &store.sam()).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{path}: {refused}");
    }
    store.end().await;
}

#[tokio::test]
async fn a_search_may_contain_anything_that_people_type() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    for odd in ["%27%3B+drop+table+product%3B--", "%22unclosed", "-", "%26+%7C+%21", "%3A*", "or+or+or", "%F0%9F%8D%B5"]
    {
        store.get(&format!("/v1/products?q={odd}")).await.expect(200);
    }
    assert_eq!(store.number("select count(*) from product").await, 1);
    store.end().await;
}
