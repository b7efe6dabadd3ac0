//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, NOBODY};

use crate::started::{CONTRACT, Shipping};

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
                .replace("{zone}/{service}/{up_to_grams}", "domestic/standard/1000")
                .replace("{tracking_number}", "RS7ZZZZZZZZZZZR");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push((method, path, scope.to_owned()));
        }
    }
    assert!(operations.len() >= 15, "{operations:?}");
    operations
}

async fn ask(shipping: &Shipping, method: &Method, path: &str, token: &str) -> Answer {
    let request = shipping.client.request(method.clone(), path, token);
    shipping.client.send(request.json(&Value::Null)).await
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let shipping = Shipping::start().await;
    for (method, path, _) in operations() {
        let answer = ask(&shipping, &method, &path, NOBODY).await.expect(401);
        assert!(answer.header("www-authenticate").is_some(), "{method} {path}");
    }
    for (fault, token) in shipping.tokens.every_bad_token("shipping") {
        for (method, path, _) in operations() {
            assert_eq!(ask(&shipping, &method, &path, &token).await.status, 401, "{fault}: {method} {path}");
        }
    }
    shipping.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let shipping = Shipping::start().await;
    let scopes = ["shipping:read", "shipping:write", "shipping:book", "shipping:operate", "inventory:read"];
    for (method, path, scope) in operations() {
        let others = scopes.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        let token = shipping.tokens.user("shipping", seed::ALICE, &["staff", "operator"], &others);
        assert_eq!(
            ask(&shipping, &method, &path, &token).await.expect(403).code(),
            "insufficient_scope",
            "{method} {path}"
        );
    }
    shipping.end().await;
}

#[tokio::test]
async fn a_customer_dispatches_nothing_even_with_the_scope() {
    let shipping = Shipping::start().await;
    let order = shipping.prepared().await;
    let token = shipping.tokens.user("shipping", seed::ALICE, &["customer"], "shipping:read shipping:write");
    let path = format!("/v1/shipments/{order}/dispatch");
    assert_eq!(shipping.client.post(&path, &token, &Value::Null).await.expect(403).code(), "insufficient_role");
    shipping.end().await;
}
