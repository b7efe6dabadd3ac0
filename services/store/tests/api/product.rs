//! `/v1/products/{sku}` with its price and withdrawal: looking at one product, and editing it.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::started::{Store, draft, draft_with, price};

const MUG: &str = "/v1/products/MUG-BLUE";
const CHANGED: &str = "store.product.changed.v1";

#[tokio::test]
async fn a_product_is_added_then_replaced_and_each_change_is_announced() {
    let store = Store::start().await;
    let added = store.put_product("MUG-BLUE", &draft("MUG-BLUE", 1490)).await.expect(201).json();
    assert_eq!((&added["version"], &added["availability"]), (&json!(1), &json!({"status": "unknown"})));
    let replaced = store.put_product("MUG-BLUE", &draft("MUG-BLUE", 1590)).await.expect(200).json();
    assert_eq!((&replaced["version"], &replaced["price"]), (&json!(2), &price(1590)));
    assert_eq!(store.get(MUG).await.expect(200).json(), replaced);
    assert_eq!(store.announced(CHANGED).await, 2);
    let last = "select count(*) from messaging.outbox where body -> 'data' @> '{\"sku\": \"MUG-BLUE\", \"version\": 2, \"withdrawn\": false, \"price\": {\"amount\": 1590, \"currency\": \"EUR\"}}'";
    assert_eq!(store.number(last).await, 1);
    store.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let store = Store::start().await;
    for path in [MUG.to_owned(), format!("{MUG}/picture")] {
        assert_eq!(store.get(&path).await.expect(404).code(), "product_not_found");
    }
    let new_price = json!({"price": price(1)});
    let refused = store.client.put(&format!("{MUG}/price"), &store.sam(), &new_price).await.expect(404);
    assert_eq!((refused.code().as_str(), &refused.json()["sku"]), ("product_not_found", &json!("MUG-BLUE")));
    for method in [Method::POST, Method::DELETE] {
        let request = store.client.request(method, &format!("{MUG}/withdrawal"), &store.sam());
        assert_eq!(store.client.send(request).await.expect(404).code(), "product_not_found");
    }
    store.end().await;
}

#[tokio::test]
async fn the_catalogue_may_be_kept_by_all_and_a_cart_by_nobody_else() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    for path in ["/v1/products", MUG] {
        let answer = store.get(path).await.expect(200);
        assert!(answer.header("cache-control").unwrap().starts_with("public, max-age="), "{path}");
        let tag = answer.header("etag").unwrap();
        store.with_header(Method::GET, path, ("if-none-match", tag), None).await.expect(304);
    }
    assert_eq!(store.get("/v1/carts").await.expect(200).header("cache-control"), Some("private, no-store"));
    let missing = store.get("/v1/products/NONE").await.expect(404);
    assert_eq!((missing.header("cache-control"), missing.header("etag")), (Some("private, no-store"), None));
    store.end().await;
}

#[tokio::test]
async fn a_copy_that_is_still_right_is_not_sent_again() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let tag = store.get(MUG).await.expect(200).header("etag").unwrap().to_owned();
    let again = store.with_header(Method::GET, MUG, ("if-none-match", &tag), None).await.expect(304);
    assert_eq!((again.header("etag"), again.body.as_str()), (Some(tag.as_str()), ""));
    store.put_product("MUG-BLUE", &draft("MUG-BLUE", 1590)).await.expect(200);
    store.with_header(Method::GET, MUG, ("if-none-match", &tag), None).await.expect(200);
    store.end().await;
}

#[tokio::test]
async fn an_edit_of_what_somebody_else_has_edited_since_is_refused() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let seen = store.get(MUG).await.header("etag").unwrap().to_owned();
    let body = draft("MUG-BLUE", 1590);
    let edited = store.with_header(Method::PUT, MUG, ("if-match", &seen), Some(&body)).await.expect(200);
    assert_ne!(edited.header("etag"), Some(seen.as_str()));
    let new_price = json!({"price": price(1)});
    let late: [(Method, &str, Option<&Value>); 4] = [
        (Method::PUT, MUG, Some(&body)),
        (Method::PUT, "/v1/products/MUG-BLUE/price", Some(&new_price)),
        (Method::POST, "/v1/products/MUG-BLUE/withdrawal", None),
        (Method::DELETE, "/v1/products/MUG-BLUE/withdrawal", None),
    ];
    for (method, path, body) in late {
        let refused = store.with_header(method, path, ("if-match", &seen), body).await.expect(412);
        assert_eq!(refused.code(), "version_mismatch", "{path}");
    }
    assert_eq!(store.get(MUG).await.json(), edited.json());
    store.end().await;
}

#[tokio::test]
async fn of_many_edits_of_the_same_version_one_is_made() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let seen = store.get(MUG).await.header("etag").unwrap().to_owned();
    let (store_ref, seen_ref) = (&store, &seen);
    let edits = (0..12).map(|n| async move {
        let body = draft("MUG-BLUE", 2000 + n);
        store_ref.with_header(Method::PUT, MUG, ("if-match", seen_ref), Some(&body)).await.status.as_u16()
    });
    let mut statuses = join_all(edits).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 11][..]));
    assert_eq!(store.announced(CHANGED).await, 2);
    store.end().await;
}

#[tokio::test]
async fn a_product_that_must_be_new_or_must_be_there_is_checked() {
    let store = Store::start().await;
    let body = draft("MUG-BLUE", 1490);
    let refused = store.with_header(Method::PUT, MUG, ("if-match", "*"), Some(&body)).await.expect(412);
    assert_eq!(refused.code(), "version_mismatch");
    store.with_header(Method::PUT, MUG, ("if-none-match", "*"), Some(&body)).await.expect(201);
    store.with_header(Method::PUT, MUG, ("if-none-match", "*"), Some(&body)).await.expect(412);
    store.with_header(Method::PUT, MUG, ("if-match", "*"), Some(&body)).await.expect(200);
    store.end().await;
}

#[tokio::test]
async fn many_who_add_the_same_product_at_once_all_succeed() {
    let store = Store::start().await;
    let body = draft("MUG-BLUE", 1490);
    let answers = join_all((0..12).map(|_| store.put_product("MUG-BLUE", &body))).await;
    let added = answers.iter().filter(|answer| answer.status == 201).count();
    let replaced = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((added, replaced), (1, 11));
    assert_eq!(store.get(MUG).await.json()["version"], 12);
    store.end().await;
}

#[tokio::test]
async fn a_price_changes_and_keeps_its_currency() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let path = format!("{MUG}/price");
    let changed = store.client.put(&path, &store.sam(), &json!({"price": price(1290)})).await.expect(200).json();
    assert_eq!((&changed["price"], &changed["version"]), (&price(1290), &json!(2)));
    let dollars = json!({"amount": 1290, "currency": "USD"});
    let refused = store.client.put(&path, &store.sam(), &json!({"price": dollars})).await.expect(409).json();
    assert_eq!((&refused["code"], &refused["currency"]), (&json!("currency_fixed"), &json!("EUR")));
    store.put_product("MUG-BLUE", &draft_with("price", dollars)).await.expect(409);
    for cents in [-1, 0] {
        store.client.put(&path, &store.sam(), &json!({"price": price(cents)})).await.expect(422);
    }
    assert_eq!((store.get(MUG).await.json(), store.announced(CHANGED).await), (changed, 2));
    store.end().await;
}

#[tokio::test]
async fn withdrawing_twice_and_restoring_twice_are_one_change_each() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let path = format!("{MUG}/withdrawal");
    for _ in 0..2 {
        let withdrawn = store.client.post(&path, &store.sam(), &json!({})).await.expect(200).json();
        assert_eq!((&withdrawn["withdrawn"], &withdrawn["version"]), (&json!(true), &json!(2)));
    }
    for _ in 0..2 {
        let restored = store.client.delete(&path, &store.sam()).await.expect(200).json();
        assert_eq!((&restored["withdrawn"], &restored["version"]), (&json!(false), &json!(3)));
    }
    assert_eq!(store.announced(CHANGED).await, 3);
    store.end().await;
}
