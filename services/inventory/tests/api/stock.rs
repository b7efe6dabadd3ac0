//! `/v1/stock` and `/v1/stock/{sku}`.

use serde_json::{Value, json};

use crate::started::Inventory;

fn skus(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|level| level["sku"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn stock_shows_what_is_there_what_is_promised_and_what_can_be_sold() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.reserved(&[("MUG-BLUE", 3)]).await;
    let stock = it.client.get("/v1/stock/MUG-BLUE", &it.sam()).await.expect(200).json();
    assert_eq!(stock, json!({"sku": "MUG-BLUE", "on_hand": 10, "reserved": 3, "available": 7, "version": 2}));
    it.end().await;
}

#[tokio::test]
async fn who_has_seen_the_stock_is_told_whether_it_changed() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let ask = async |tag: &str| {
        let request = it.client.request(reqwest::Method::GET, "/v1/stock/MUG-BLUE", &it.sam());
        it.client.send(request.header("if-none-match", tag)).await
    };
    let seen = ask("").await.expect(200);
    assert_eq!(seen.header("cache-control"), Some("private, no-cache"));
    ask(seen.header("etag").unwrap()).await.expect(304);
    it.receive("MUG-BLUE", 1).await;
    ask(seen.header("etag").unwrap()).await.expect(200);
    it.end().await;
}

#[tokio::test]
async fn a_product_that_was_never_received_is_not_found() {
    let it = Inventory::start().await;
    for path in ["/v1/stock/MUG-BLUE", "/v1/stock/MUG-BLUE/movements"] {
        assert_eq!(it.client.get(path, &it.sam()).await.expect(404).code(), "stock_not_found");
    }
    it.end().await;
}

#[tokio::test]
async fn stock_is_listed_by_sku_in_pages() {
    let it = Inventory::start().await;
    for sku in ["C-3", "A-1", "B-2", "AAA"] {
        it.receive(sku, 1).await;
    }
    let first = it.client.get("/v1/stock?limit=3", &it.sam()).await.expect(200).json();
    assert_eq!(skus(&first), ["A-1", "AAA", "B-2"]);
    let rest = it.client.get(&format!("/v1/stock?limit=3&after={}", first["next"].as_str().unwrap()), &it.sam()).await;
    let rest = rest.expect(200).json();
    assert_eq!((skus(&rest), rest.get("next")), (vec!["C-3"], None));
    it.end().await;
}

#[tokio::test]
async fn stock_is_filtered_by_the_beginning_of_the_sku() {
    let it = Inventory::start().await;
    for sku in ["MUG-BLUE", "MUG-GREEN", "MUGWORT", "TEAPOT-IRON"] {
        it.receive(sku, 1).await;
    }
    let mugs = it.client.get("/v1/stock?prefix=MUG-", &it.sam()).await.expect(200).json();
    assert_eq!(skus(&mugs), ["MUG-BLUE", "MUG-GREEN"]);
    let second = it.client.get("/v1/stock?prefix=MUG-&limit=1&after=MUG-BLUE", &it.sam()).await.expect(200).json();
    assert_eq!(skus(&second), ["MUG-GREEN"]);
    it.end().await;
}
