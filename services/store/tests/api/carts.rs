//! `/v1/carts` and what is below it.

use contracts::{OrderId, inventory::StockChanged, seed};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::started::{Store, draft_with, price};

#[tokio::test]
async fn a_cart_is_taken_filled_changed_and_thrown_away() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("PEN-FOUNTAIN", 6900).await;
    let taken = store.client.post("/v1/carts", &store.alice(), &json!({"currency": "EUR"})).await.expect(201);
    let cart = serde_json::from_value(taken.json()["id"].clone()).unwrap();
    assert_eq!(taken.header("location").unwrap(), format!("carts/{cart}"));
    assert_eq!((&taken.json()["state"], &taken.json()["total"]), (&json!("open"), &price(0)));
    store.put_line(cart, "MUG-BLUE", 2).await.expect(200);
    let filled = store.put_line(cart, "PEN-FOUNTAIN", 1).await.expect(200).json();
    assert_eq!((&filled["total"], &filled["weight_grams"]), (&price(9880), &json!(1260)));
    assert_eq!(filled["lines"][0]["total"], price(2980));
    assert_eq!(store.show_cart(cart).await, filled);
    let changed = store.put_line(cart, "MUG-BLUE", 3).await.expect(200).json();
    assert_eq!((&changed["lines"][0]["quantity"], changed["lines"].as_array().unwrap().len()), (&json!(3), 2));
    let line = format!("/v1/carts/{cart}/lines/MUG-BLUE");
    for _ in 0..2 {
        let less = store.client.delete(&line, &store.alice()).await.expect(200).json();
        assert_eq!((&less["total"], less["lines"].as_array().unwrap().len()), (&price(6900), 1));
    }
    store.client.delete(&format!("/v1/carts/{cart}"), &store.alice()).await.expect(204);
    assert_eq!(store.get(&format!("/v1/carts/{cart}")).await.expect(404).code(), "cart_not_found");
    store.end().await;
}

#[tokio::test]
async fn another_customers_cart_is_not_found() {
    let store = Store::start().await;
    let cart = store.filled_cart().await;
    let (path, line) = (format!("/v1/carts/{cart}"), format!("/v1/carts/{cart}/lines/MUG-BLUE"));
    let attempts = [
        (Method::GET, &path, Value::Null),
        (Method::DELETE, &path, Value::Null),
        (Method::PUT, &line, json!({"quantity": 9})),
        (Method::DELETE, &line, Value::Null),
    ];
    for (method, path, body) in attempts {
        let request = store.client.request(method.clone(), path, &store.bob()).json(&body);
        assert_eq!(store.client.send(request).await.expect(404).code(), "cart_not_found", "{method} {path}");
    }
    assert_eq!(store.client.get("/v1/carts", &store.bob()).await.json(), json!({"items": []}));
    store.client.get(&path, &store.sam()).await.expect(200);
    assert_eq!(store.client.delete(&path, &store.sam()).await.expect(404).code(), "cart_not_found");
    assert_eq!(store.show_cart(cart).await["lines"][0]["quantity"], 2);
    store.end().await;
}

#[tokio::test]
async fn the_pages_of_my_carts_cover_all_of_them_latest_first() {
    let store = Store::start().await;
    let mut carts = Vec::new();
    for _ in 0..5 {
        carts.insert(0, store.cart().await.to_string());
    }
    let (mut walked, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = store.get(&format!("/v1/carts?{query}")).await.expect(200).json();
        walked.extend(page["items"].as_array().unwrap().iter().map(|cart| cart["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=2&after={next}");
    }
    assert_eq!(walked, carts);
    store.end().await;
}

#[tokio::test]
async fn a_cart_refuses_what_it_cannot_hold_with_the_facts() {
    let store = Store::start().await;
    let cart = store.cart().await;
    store.sell("MUG-OLD", 990).await;
    store.withdraw("MUG-OLD").await;
    let dollars = json!({"amount": 200, "currency": "USD"});
    store.put_product("CUP-USD", &draft_with("price", dollars)).await.expect(201);
    let unknown = store.put_line(cart, "NO-SUCH", 1).await.expect(404).json();
    assert_eq!((&unknown["code"], &unknown["sku"]), (&json!("product_not_found"), &json!("NO-SUCH")));
    let withdrawn = store.put_line(cart, "MUG-OLD", 1).await.expect(409).json();
    assert_eq!((&withdrawn["code"], &withdrawn["sku"]), (&json!("product_withdrawn"), &json!("MUG-OLD")));
    let foreign = store.put_line(cart, "CUP-USD", 1).await.expect(409).json();
    assert_eq!((&foreign["code"], &foreign["product_currency"]), (&json!("currency_mismatch"), &json!("USD")));
    assert_eq!(store.show_cart(cart).await["lines"], json!([]));
    store.end().await;
}

#[tokio::test]
async fn a_cart_holds_a_hundred_products_even_when_they_come_at_once() {
    let store = Store::start().await;
    store
        .execute(
            "insert into product (sku, name, description, category, price, currency, weight_grams, created_at, changed_at)
             select 'SKU-' || lpad(n::text, 3, '0'), 'Name ' || n, '', 'garden', n, 'EUR', 1, now(), now() from generate_series(1, 110) n",
        )
        .await;
    let cart = store.cart().await;
    store
        .execute(&format!(
            "insert into cart_line (cart, sku, quantity, added_at) select '{cart}', sku, 1, now() from product where sku <= 'SKU-095'"
        ))
        .await;
    let skus: Vec<_> = (96..=110).map(|n| format!("SKU-{n:03}")).collect();
    let answers = join_all(skus.iter().map(|sku| store.put_line(cart, sku, 1))).await;
    let held = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 409 && answer.code() == "cart_full").count();
    assert_eq!((held, refused), (5, 10));
    let sku = store.show_cart(cart).await["lines"][0]["sku"].as_str().unwrap().to_owned();
    store.put_line(cart, &sku, 2).await.expect(200);
    store.end().await;
}

#[tokio::test]
async fn a_cart_shows_todays_prices_and_whether_each_line_could_be_bought() {
    let store = Store::start().await;
    let cart = store.filled_cart().await;
    let hint = async |sku: &str| {
        let cart = store.show_cart(cart).await;
        let lines = cart["lines"].as_array().unwrap().clone();
        lines.iter().find(|line| line["sku"] == sku).unwrap()["hint"].clone()
    };
    assert_eq!(hint("MUG-BLUE").await, "unknown");
    for (available, word) in [(9, "available"), (1, "short"), (0, "out_of_stock")] {
        let sku = "MUG-BLUE".parse().unwrap();
        store
            .hear(&StockChanged { sku, on_hand: 9, reserved: 9 - available, available, version: 10 - available })
            .await;
        eventually(async || hint("MUG-BLUE").await == word).await;
    }
    store.withdraw("PEN-FOUNTAIN").await;
    assert_eq!(hint("PEN-FOUNTAIN").await, "withdrawn");
    store.client.put("/v1/products/MUG-BLUE/price", &store.sam(), &json!({"price": price(1000)})).await.expect(200);
    assert_eq!(store.show_cart(cart).await["total"], price(8900));
    store.end().await;
}

#[tokio::test]
async fn a_checked_out_cart_refuses_every_change() {
    let store = Store::start().await;
    let cart = store.filled_cart().await;
    store.check_out(OrderId::generate(), cart).await.expect(200);
    let before = store.show_cart(cart).await;
    assert_eq!((&before["state"], &before["customer_id"]), (&json!("checked_out"), &json!(seed::ALICE)));
    let (path, line) = (format!("/v1/carts/{cart}"), format!("/v1/carts/{cart}/lines/MUG-BLUE"));
    assert_eq!(store.put_line(cart, "MUG-BLUE", 9).await.expect(409).code(), "cart_checked_out");
    for path in [path, line] {
        assert_eq!(store.client.delete(&path, &store.alice()).await.expect(409).code(), "cart_checked_out");
    }
    assert_eq!(store.show_cart(cart).await, before);
    store.end().await;
}
