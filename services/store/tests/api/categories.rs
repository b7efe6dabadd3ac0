//! `/v1/categories`.

use serde_json::json;

use crate::started::{Store, draft_with};

#[tokio::test]
async fn categories_count_what_is_on_sale_in_and_below_them() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("MUG-OLD", 990).await;
    store.withdraw("MUG-OLD").await;
    store.put_product("PAN-COPPER", &draft_with("category", json!("kitchen"))).await.expect(201);
    let listed = store.get("/v1/categories").await.expect(200).json();
    assert_eq!(
        listed["items"],
        json!([
            {"slug": "garden", "name": "Garden", "products": 0},
            {"slug": "kitchen", "name": "Kitchen", "products": 2},
            {"slug": "tableware", "name": "Tableware", "parent": "kitchen", "products": 1},
        ])
    );
    store.end().await;
}

#[tokio::test]
async fn the_pages_of_categories_cover_all() {
    let store = Store::start().await;
    let first = store.get("/v1/categories?limit=2").await.expect(200).json();
    assert_eq!(first["next"], "kitchen");
    let second = store.get("/v1/categories?limit=2&after=kitchen").await.expect(200).json();
    assert_eq!((&second["items"][0]["slug"], second.get("next")), (&json!("tableware"), None));
    store.end().await;
}
