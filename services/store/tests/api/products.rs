//! `/v1/products`: browsing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::started::{Store, draft, draft_with, price};

/// The SKUs of all pages, walked with `limit` items a page; `between` runs before each but the first.
async fn walk(store: &Store, query: &str, limit: usize, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut skus, mut after) = (Vec::new(), None);
    for page in 0.. {
        if page > 0 {
            between(page).await;
        }
        let cursor = after.map(|text: String| format!("&after={text}")).unwrap_or_default();
        let answer = store.get(&format!("/v1/products?{query}&limit={limit}{cursor}")).await.expect(200).json();
        skus.extend(skus_of(&answer));
        assert!(page < 50, "the pages do not end: {skus:?}");
        match answer["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    skus
}

fn skus_of(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap().to_owned()).collect()
}

async fn found(store: &Store, query: &str) -> Vec<String> {
    skus_of(&store.get(&format!("/v1/products?{query}")).await.expect(200).json())
}

/// Eleven products; names, prices and sales all have doubles.
async fn eleven(store: &Store) {
    for n in 0..11 {
        let mut body = draft("X", 500 + n % 3 * 100);
        body["name"] = json!(format!("Name {}", n % 4));
        store.put_product(&format!("SKU-{n:02}"), &body).await.expect(201);
    }
    store.execute("update product set sold = length(name) + price % 700").await;
}

#[tokio::test]
async fn the_pages_of_every_order_cover_everything_exactly_once() {
    let store = Store::start().await;
    eleven(&store).await;
    for sort in ["name", "price", "newest", "popular"] {
        let whole = found(&store, &format!("sort={sort}&limit=100")).await;
        for limit in [1, 3, 11] {
            let walked = walk(&store, &format!("sort={sort}"), limit, async |_| ()).await;
            assert_eq!(walked, whole, "{sort} by {limit}");
        }
        let mut once = whole.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 11, "{sort}: {whole:?}");
    }
    store.end().await;
}

#[tokio::test]
async fn every_order_is_what_it_says() {
    let store = Store::start().await;
    eleven(&store).await;
    let page =
        async |sort: &str| store.get(&format!("/v1/products?sort={sort}&limit=100")).await.json()["items"].clone();
    let keys = |page: &Value, member: &str| {
        page.as_array().unwrap().iter().map(|item| item.pointer(member).unwrap().clone()).collect::<Vec<_>>()
    };
    let names: Vec<String> = serde_json::from_value(json!(keys(&page("name").await, "/name"))).unwrap();
    assert!(names.is_sorted(), "{names:?}");
    let prices: Vec<i64> = serde_json::from_value(json!(keys(&page("price").await, "/price/amount"))).unwrap();
    assert!(prices.is_sorted(), "{prices:?}");
    let newest = found(&store, "sort=newest&limit=100").await;
    assert_eq!((newest[0].as_str(), newest[10].as_str()), ("SKU-10", "SKU-00"));
    store.execute("update product set sold = 1000 where sku = 'SKU-05'").await;
    assert_eq!(found(&store, "sort=popular&limit=1").await, ["SKU-05"]);
    store.end().await;
}

#[tokio::test]
async fn products_that_are_added_while_somebody_pages_move_none_of_the_others() {
    let store = Store::start().await;
    for sort in ["name", "price", "newest"] {
        eleven_renewed(&store).await;
        let before = found(&store, &format!("sort={sort}&limit=100")).await;
        let walked = walk(&store, &format!("sort={sort}"), 2, async |page| {
            // One that sorts before everything and one that sorts after everything.
            for (sku, cents, name) in [(format!("AAA-{page}"), 1, "A"), (format!("ZZZ-{page}"), 999_999, "Zz")] {
                let body = json!({"name": name, "description": "", "category": "garden", "price": price(cents), "weight_grams": 1});
                store.put_product(&sku, &body).await.expect(201);
            }
        })
        .await;
        let mut seen = BTreeMap::new();
        for sku in &walked {
            *seen.entry(sku).or_insert(0) += 1;
        }
        assert!(seen.values().all(|times| *times == 1), "{sort}: {walked:?}");
        let old: Vec<_> = walked.iter().filter(|sku| sku.starts_with("SKU")).cloned().collect();
        assert_eq!(old, before, "{sort}");
    }
    store.end().await;
}

async fn eleven_renewed(store: &Store) {
    store.execute("delete from product").await;
    eleven(store).await;
}

#[tokio::test]
async fn the_longest_names_there_are_can_be_paged() {
    let store = Store::start().await;
    for n in 0..3 {
        store.put_product(&format!("SKU-{n:028}"), &draft_with("name", json!("🫖".repeat(120)))).await.expect(201);
    }
    let page = store.get("/v1/products?limit=1").await.expect(200).json();
    assert!((200..=1000).contains(&page["next"].as_str().unwrap().len()), "{page}");
    assert_eq!(walk(&store, "", 1, async |_| ()).await.len(), 3);
    store.end().await;
}

#[tokio::test]
async fn a_search_finds_by_word_in_any_form_and_place() {
    let store = Store::start().await;
    let mut kettle = draft("KETTLE-1", 4900);
    kettle["name"] = json!("Whistling kettle");
    kettle["description"] = json!("Boils water for four mugs in three minutes.");
    store.put_product("KETTLE-1", &kettle).await.expect(201);
    store.sell("MUG-BLUE", 1490).await;
    assert_eq!(found(&store, "q=whistle").await, ["KETTLE-1"]);
    assert_eq!(found(&store, "q=KETTLE").await, ["KETTLE-1"]);
    assert_eq!(found(&store, "q=minute").await, ["KETTLE-1"]);
    assert_eq!(found(&store, "q=MUG-BLUE").await, ["MUG-BLUE"]);
    assert_eq!(found(&store, "q=mug").await, ["MUG-BLUE", "KETTLE-1"]);
    assert_eq!(found(&store, "q=mug+-water").await, ["MUG-BLUE"]);
    assert_eq!(found(&store, "q=%22four+mugs%22").await, ["KETTLE-1"]);
    assert!(found(&store, "q=teapot").await.is_empty());
    store.end().await;
}

#[tokio::test]
async fn a_filter_narrows_by_category_and_what_is_below_it() {
    let store = Store::start().await;
    store.put_product("PAN-COPPER", &draft_with("category", json!("kitchen"))).await.expect(201);
    store.put_product("POT-CLAY", &draft_with("category", json!("garden"))).await.expect(201);
    store.sell("MUG-BLUE", 1490).await;
    assert_eq!(found(&store, "category=tableware").await, ["MUG-BLUE"]);
    assert_eq!(found(&store, "category=garden").await, ["POT-CLAY"]);
    assert_eq!(found(&store, "category=kitchen").await.len(), 2);
    assert!(found(&store, "category=no-such-category").await.is_empty());
    store.end().await;
}

#[tokio::test]
async fn a_filter_narrows_by_price_within_one_currency() {
    let store = Store::start().await;
    for (sku, cents) in [("CUP-1", 100), ("CUP-2", 200), ("CUP-3", 300)] {
        store.sell(sku, cents).await;
    }
    let dollars = json!({"amount": 200, "currency": "USD"});
    store.put_product("CUP-USD", &draft_with("price", dollars)).await.expect(201);
    assert_eq!(found(&store, "price_min=200").await, ["CUP-2", "CUP-3"]);
    assert_eq!(found(&store, "price_max=200").await, ["CUP-1", "CUP-2"]);
    assert_eq!(found(&store, "price_min=200&price_max=200&currency=USD").await, ["CUP-USD"]);
    assert_eq!(found(&store, "sort=price").await, ["CUP-1", "CUP-2", "CUP-3"]);
    assert!(found(&store, "price_min=300&price_max=100").await.is_empty());
    assert_eq!(found(&store, "").await.len(), 4);
    store.end().await;
}

#[tokio::test]
async fn withdrawn_products_are_listed_apart() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    store.sell("MUG-OLD", 990).await;
    store.withdraw("MUG-OLD").await;
    assert_eq!(found(&store, "").await, ["MUG-BLUE"]);
    assert_eq!(found(&store, "withdrawn=true").await, ["MUG-OLD"]);
    store.end().await;
}
