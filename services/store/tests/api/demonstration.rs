//! The catalogue that is loaded for demonstrations.

use serde_json::json;
use store::config::Seed;

use crate::started::{Store, price};

#[tokio::test]
async fn the_demonstration_has_products_in_categories_one_of_them_withdrawn_and_one_very_heavy() {
    let store = Store::start_with(Some(Seed::Demo)).await;
    let listed = store.get("/v1/products?limit=100").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 23);
    let withdrawn = store.get("/v1/products?withdrawn=true").await.expect(200).json();
    assert_eq!(withdrawn["items"][0]["sku"], "TEAPOT-OLD");
    assert!(store.get("/v1/products/OVEN-STONE").await.json()["weight_grams"].as_i64().unwrap() > 30_000);
    let categories = store.get("/v1/categories").await.expect(200).json();
    assert_eq!(categories["items"].as_array().unwrap().len(), 5);
    assert_eq!(store.announced("store.product.changed.v1").await, 24);
    store.end().await;
}

#[tokio::test]
async fn loading_it_again_leaves_alone_what_staff_have_edited() {
    let store = Store::start_with(Some(Seed::Demo)).await;
    store.client.put("/v1/products/MUG-BLUE/price", &store.sam(), &json!({"price": price(999)})).await.expect(200);
    store.client.delete("/v1/products/TEAPOT-OLD/withdrawal", &store.sam()).await.expect(200);
    store.start_again_with(Some(Seed::Demo)).await;
    let mug = store.get("/v1/products/MUG-BLUE").await.json();
    assert_eq!((&mug["price"], &mug["version"]), (&price(999), &json!(2)));
    assert_eq!(store.get("/v1/products/TEAPOT-OLD").await.json()["withdrawn"], false);
    assert_eq!(store.announced("store.product.changed.v1").await, 26);
    store.end().await;
}
