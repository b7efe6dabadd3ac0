//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, NOBODY};

use crate::started::{CONTRACT, Store, draft, price};

/// Every operation of the contract: method, a path that fits, and the scope it asks for.
fn operations() -> Vec<(Method, String, String)> {
    let contract: Value = serde_json::from_str(&std::fs::read_to_string(CONTRACT).unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["oauth2"][0]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} asks for no scope"));
            let path = path
                .replace("{order_id}", "01900000-0000-7000-8000-0000000000aa")
                .replace("{id}", "01900000-0000-7000-8000-0000000000aa")
                .replace("{sku}", "MUG-BLUE");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push((method, path, scope.to_owned()));
        }
    }
    assert!(operations.len() >= 20, "{operations:?}");
    operations
}

async fn ask(store: &Store, method: &Method, path: &str, token: &str) -> Answer {
    let request = store.client.request(method.clone(), path, token);
    store.client.send(request.json(&Value::Null)).await
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let store = Store::start().await;
    for (method, path, _) in operations() {
        let answer = ask(&store, &method, &path, NOBODY).await.expect(401);
        assert!(answer.header("www-authenticate").is_some(), "{method} {path}");
    }
    for (fault, token) in store.tokens.every_bad_token("store") {
        for (method, path, _) in operations() {
            assert_eq!(ask(&store, &method, &path, &token).await.status, 401, "{fault}: {method} {path}");
        }
    }
    store.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let store = Store::start().await;
    let scopes = ["store:read", "store:write", "store:checkout", "store:operate", "inventory:write"];
    for (method, path, scope) in operations() {
        let others = scopes.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        let token = store.tokens.user("store", seed::ALICE, &["staff", "operator"], &others);
        let refused = ask(&store, &method, &path, &token).await.expect(403);
        assert_eq!(refused.code(), "insufficient_scope", "{method} {path}");
    }
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
