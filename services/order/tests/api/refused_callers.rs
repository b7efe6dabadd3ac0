//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, NOBODY};

use crate::started::{CONTRACT, Suite, any_key, wanted};

/// Every operation of the contract: method, a path that fits, and the scope it asks for.
fn operations() -> Vec<(Method, String, String)> {
    let contract: Value = serde_json::from_str(&std::fs::read_to_string(CONTRACT).unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["oauth2"][0].as_str();
            let scope = scope.unwrap_or_else(|| panic!("{method} {path} asks for no scope")).to_owned();
            let some_id = "01900000-0000-7000-8000-0000000000aa";
            let path = path.replace("{order_id}", some_id).replace("{id}", some_id);
            operations.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path, scope));
        }
    }
    assert!(operations.len() >= 9, "{operations:?}");
    operations
}

async fn ask(suite: &Suite, method: &Method, path: &str, token: &str) -> Answer {
    let client = &suite.order.client;
    client.send(client.request(method.clone(), path, token).header("Idempotency-Key", any_key()).json(&wanted())).await
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let suite = Suite::start().await;
    for (method, path, _) in operations() {
        let answer = ask(&suite, &method, &path, NOBODY).await.expect(401);
        assert!(answer.header("www-authenticate").is_some(), "{method} {path}");
    }
    for (fault, token) in suite.tokens.every_bad_token("order") {
        for (method, path, _) in operations() {
            assert_eq!(ask(&suite, &method, &path, &token).await.status, 401, "{fault}: {method} {path}");
        }
    }
    suite.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let suite = Suite::start().await;
    let scopes = ["order:read", "order:write", "order:operate", "store:write"];
    for (method, path, scope) in operations() {
        let others = scopes.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        let token = suite.tokens.user("order", seed::ALICE, &["customer", "staff", "operator"], &others);
        let answer = ask(&suite, &method, &path, &token).await.expect(403);
        assert_eq!(answer.code(), "insufficient_scope", "{method} {path}");
    }
    suite.end().await;
}

#[tokio::test]
async fn staff_does_not_see_how_sagas_go() {
    let suite = Suite::start().await;
    let token = suite.tokens.user("order", seed::ALICE, &["staff"], "order:operate");
    let answer = suite.order.client.get("/v1/sagas", &token).await.expect(403);
    assert_eq!(answer.code(), "insufficient_role");
    suite.end().await;
}
