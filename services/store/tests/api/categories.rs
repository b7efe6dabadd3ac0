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

#[tokio::test]
async fn staff_add_rename_move_and_remove_categories() {
    let store = Store::start().await;
    let glasses = json!({"slug": "glasses", "name": "Glasses", "parent": "kitchen"});
    let added = store.client.post("/v1/categories", &store.sam(), &glasses).await.expect(201).json();
    assert_eq!(added, json!({"slug": "glasses", "name": "Glasses", "parent": "kitchen", "products": 0}));
    store.put_product("GLASS-TALL", &draft_with("category", json!("glasses"))).await.expect(201);
    let edit = json!({"name": "Glasses and cups", "parent": "tableware"});
    let moved = store.client.put("/v1/categories/glasses", &store.sam(), &edit).await.expect(200).json();
    assert_eq!(moved, json!({"slug": "glasses", "name": "Glasses and cups", "parent": "tableware", "products": 1}));
    let top = store.client.put("/v1/categories/glasses", &store.sam(), &json!({"name": "Glasses"})).await.expect(200);
    assert_eq!(top.json(), json!({"slug": "glasses", "name": "Glasses", "products": 1}));
    store.client.delete("/v1/categories/garden", &store.sam()).await.expect(204);
    let again = store.client.delete("/v1/categories/garden", &store.sam()).await.expect(404);
    assert_eq!(again.code(), "category_not_found");
    store.end().await;
}

#[tokio::test]
async fn a_category_that_holds_anything_stays() {
    let store = Store::start().await;
    let holds_another = store.client.delete("/v1/categories/kitchen", &store.sam()).await.expect(409);
    store.sell("MUG-BLUE", 1490).await;
    store.withdraw("MUG-BLUE").await;
    let holds_a_product = store.client.delete("/v1/categories/tableware", &store.sam()).await.expect(409);
    assert_eq!((holds_another.code(), holds_a_product.code()), ("category_in_use".into(), "category_in_use".into()));
    store.end().await;
}

#[tokio::test]
async fn a_category_is_refused_when_its_slug_is_taken_or_its_parent_unknown_or_below_it() {
    let store = Store::start().await;
    let add = async |body| store.client.post("/v1/categories", &store.sam(), &body).await;
    let put = async |slug: &str, body| store.client.put(&format!("/v1/categories/{slug}"), &store.sam(), &body).await;
    let taken = add(json!({"slug": "garden", "name": "Garden"})).await.expect(409);
    assert_eq!((taken.code().as_str(), &taken.json()["slug"]), ("category_exists", &json!("garden")));
    for lost in [
        add(json!({"slug": "sheds", "name": "Sheds", "parent": "no-such"})).await,
        put("garden", json!({"name": "Garden", "parent": "no-such"})).await,
    ] {
        let lost = lost.expect(422);
        assert_eq!((lost.code().as_str(), &lost.json()["errors"][0]["field"]), ("unknown_category", &json!("parent")));
    }
    for circle in [
        add(json!({"slug": "sheds", "name": "Sheds", "parent": "sheds"})).await,
        put("kitchen", json!({"name": "Kitchen", "parent": "kitchen"})).await,
        put("kitchen", json!({"name": "Kitchen", "parent": "tableware"})).await,
    ] {
        assert_eq!(circle.expect(409).code(), "category_cycle");
    }
    assert_eq!(put("no-such", json!({"name": "Nowhere"})).await.expect(404).code(), "category_not_found");
    let wrong = add(json!({"slug": "Sheds!", "name": "Sheds"})).await.expect(422);
    assert_eq!(wrong.json()["errors"][0]["field"], "slug");
    store.end().await;
}

#[tokio::test]
async fn of_two_moves_at_once_that_would_close_a_circle_one_is_refused() {
    let store = Store::start().await;
    let (token, below) = (store.sam(), |parent| json!({"name": "Moved", "parent": parent}));
    for _ in 0..20 {
        store.execute("update category set parent = null").await;
        let (garden, kitchen) = (below("kitchen"), below("garden"));
        let (one, other) = tokio::join!(
            store.client.put("/v1/categories/garden", &token, &garden),
            store.client.put("/v1/categories/kitchen", &token, &kitchen),
        );
        let mut answers = [one.status.as_u16(), other.status.as_u16()];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409]);
    }
    store.end().await;
}

#[tokio::test]
async fn of_a_product_put_into_a_category_and_its_removal_at_once_one_is_refused() {
    let store = Store::start().await;
    let (token, garden) = (store.sam(), json!({"slug": "sheds", "name": "Sheds"}));
    for nr in 0..20 {
        store.client.post("/v1/categories", &token, &garden).await.expect(201);
        let (sku, draft) = (format!("SHED-{nr}"), draft_with("category", json!("sheds")));
        let (put, removed) =
            tokio::join!(store.put_product(&sku, &draft), store.client.delete("/v1/categories/sheds", &token));
        match (put.status.as_u16(), removed.status.as_u16()) {
            (201, 409) => assert_eq!(removed.code(), "category_in_use"),
            (422, 204) => assert_eq!(put.code(), "unknown_category"),
            other => panic!("{other:?}"),
        }
        store.execute("delete from product").await;
        store.execute("delete from category where slug = 'sheds'").await;
    }
    store.end().await;
}
