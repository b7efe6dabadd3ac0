//! What the store does when stock changes.

use contracts::inventory::StockChanged;
use reqwest::Method;
use serde_json::json;
use testkit::eventually;

use crate::started::{Store, draft};

fn stock(available: i64, version: i64) -> StockChanged {
    let sku = "MUG-BLUE".parse().unwrap();
    StockChanged { sku, on_hand: available + 3, reserved: 3, available, version }
}

#[tokio::test]
async fn of_stock_that_arrives_out_of_order_the_newest_is_kept() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    for (heard, word) in [stock(40, 4), stock(70, 7), stock(50, 5), stock(60, 6)].iter().zip(1..) {
        store.hear(heard).await;
        store.heard(word).await;
    }
    let mug = store.get("/v1/products/MUG-BLUE").await.json();
    assert_eq!(mug["availability"], json!({"status": "in_stock", "available": 70}));
    store.end().await;
}

#[tokio::test]
async fn old_stock_that_comes_again_after_it_was_forgotten_changes_nothing() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    for (heard, word) in [stock(40, 4), stock(70, 7), stock(50, 5)].iter().zip(1..) {
        store.hear(heard).await;
        store.heard(word).await;
    }
    store.database.deliver_late().await;
    let mug = store.get("/v1/products/MUG-BLUE").await.json();
    assert_eq!(mug["availability"], json!({"status": "in_stock", "available": 70}));
    store.end().await;
}

#[tokio::test]
async fn impossible_stock_is_set_aside_and_the_rest_goes_on() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.hear(&stock(-1, 9)).await;
    store.hear(&StockChanged { sku: "MUG-GREEN".parse().unwrap(), ..stock(3, 1) }).await;
    store.heard(1).await;
    eventually(async || store.number("select count(*) from messaging.dead_letter").await == 1).await;
    store.hear(&stock(5, 8)).await;
    store.heard(2).await;
    let olga = store.tokens.operator("store");
    let letter = store.client.get("/v1/dead-letters", &olga).await.expect(200).json()["items"][0].clone();
    assert!(letter["error"].as_str().unwrap().contains("availability_not_negative"), "{letter}");
    let discard = format!("/v1/dead-letters/{}/discard", letter["id"].as_str().unwrap());
    store.client.post(&discard, &olga, &json!({"reason": "There is no such stock"})).await.expect(200);
    let mug = store.get("/v1/products/MUG-BLUE").await.json();
    assert_eq!(mug["availability"]["available"], 5);
    store.end().await;
}

#[tokio::test]
async fn stock_may_be_announced_before_the_product_is_known() {
    let store = Store::start().await;
    store.hear(&stock(2, 1)).await;
    store.heard(1).await;
    store.sell("MUG-BLUE", 1490).await;
    let mug = store.get("/v1/products/MUG-BLUE").await.json();
    assert_eq!(mug["availability"], json!({"status": "low", "available": 2}));
    store.end().await;
}

#[tokio::test]
async fn what_is_on_the_shelf_can_be_listed_alone() {
    let store = Store::start().await;
    for sku in ["MUG-BLUE", "MUG-GREEN", "MUG-RED"] {
        store.sell(sku, 1490).await;
    }
    store.hear(&stock(2, 1)).await;
    store.hear(&StockChanged { sku: "MUG-GREEN".parse().unwrap(), ..stock(0, 1) }).await;
    store.heard(2).await;
    let listed = store.get("/v1/products?available=true").await.json();
    assert_eq!((&listed["items"][0]["sku"], listed["items"].as_array().unwrap().len()), (&json!("MUG-BLUE"), 1));
    store.end().await;
}

#[tokio::test]
async fn a_change_of_stock_outdates_copies_but_no_edit() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let path = "/v1/products/MUG-BLUE";
    let seen = store.get(path).await.header("etag").unwrap().to_owned();
    store.hear(&stock(2, 1)).await;
    store.heard(1).await;
    store.with_header(Method::GET, path, ("if-none-match", &seen), None).await.expect(200);
    store.with_header(Method::PUT, path, ("if-match", &seen), Some(&draft("MUG-BLUE", 1590))).await.expect(200);
    store.end().await;
}
