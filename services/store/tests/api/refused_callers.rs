//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Operations;

use crate::started::{CONTRACT, Store, draft, price};

fn operations() -> Operations {
    Operations::of("store", CONTRACT, &[("{sku}", "MUG-BLUE"), ("{slug}", "garden")])
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let store = Store::start().await;
    operations().refuse_bad_tokens(&store.client, &store.tokens).await;
    store.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let store = Store::start().await;
    operations().refuse_other_scopes(&store.client, &store.tokens).await;
    store.end().await;
}

#[tokio::test]
async fn a_customer_cannot_edit_the_catalogue_nor_see_checkouts() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let mug = "/v1/products/MUG-BLUE";
    let edits = [
        (Method::PUT, mug.to_owned(), draft("MUG-BLUE", 1)),
        (Method::PUT, format!("{mug}/price"), json!({"price": price(1)})),
        (Method::POST, format!("{mug}/withdrawal"), Value::Null),
        (Method::DELETE, format!("{mug}/withdrawal"), Value::Null),
        (Method::PUT, format!("{mug}/picture"), Value::Null),
        (Method::POST, "/v1/categories".to_owned(), json!({"slug": "mine", "name": "Mine"})),
        (Method::PUT, "/v1/categories/garden".to_owned(), json!({"name": "Mine"})),
        (Method::DELETE, "/v1/categories/garden".to_owned(), Value::Null),
        (Method::GET, "/v1/checkouts".to_owned(), Value::Null),
        (Method::GET, "/v1/checkouts/01900000-0000-7000-8000-0000000000aa".to_owned(), Value::Null),
    ];
    for (method, path, body) in edits {
        let request = store.client.request(method.clone(), &path, &store.alice()).json(&body);
        assert_eq!(store.client.send(request).await.expect(403).code(), "insufficient_role", "{method} {path}");
    }
    assert_eq!(store.get(mug).await.json()["version"], 1);
    store.end().await;
}

#[tokio::test]
async fn a_client_that_acts_for_itself_has_no_cart() {
    let store = Store::start().await;
    let client = store.tokens.client("store", "reporting", "store:read store:write");
    let refused = store.client.post("/v1/carts", &client, &json!({"currency": "EUR"})).await.expect(403);
    assert_eq!(refused.code(), "user_required");
    assert_eq!(store.client.get("/v1/carts", &client).await.expect(403).code(), "user_required");
    store.client.get("/v1/checkouts", &client).await.expect(200);
    store.end().await;
}
