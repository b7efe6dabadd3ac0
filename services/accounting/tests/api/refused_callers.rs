//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, NOBODY};

use crate::started::{Accounting, CONTRACT};

/// Every operation of the contract: method, a path that fits, and the scopes of which it asks for one.
fn operations() -> Vec<(Method, String, Vec<String>)> {
    let contract: Value = serde_json::from_str(&std::fs::read_to_string(CONTRACT).unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let alternatives = operation["security"].as_array().cloned().unwrap_or_default();
            let scopes: Vec<_> =
                alternatives.iter().filter_map(|it| Some(it["oauth2"][0].as_str()?.to_owned())).collect();
            assert!(!scopes.is_empty(), "{method} {path} asks for no scope");
            let id = "01900000-0000-7000-8000-0000000000aa";
            let path =
                ["{order_id}", "{customer_id}", "{id}"].iter().fold(path.clone(), |it, name| it.replace(name, id));
            let path = path.replace("{code}", "1000-EUR").replace("{number}", "INV-2026-00000001");
            operations.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path, scopes));
        }
    }
    assert!(operations.len() >= 23, "{operations:?}");
    operations
}

async fn ask(accounting: &Accounting, method: &Method, path: &str, token: &str) -> Answer {
    let request = accounting.client.request(method.clone(), path, token);
    accounting.client.send(request.json(&Value::Null)).await
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let accounting = Accounting::start().await;
    for (method, path, _) in operations() {
        let answer = ask(&accounting, &method, &path, NOBODY).await.expect(401);
        assert!(answer.header("www-authenticate").is_some(), "{method} {path}");
    }
    for (fault, token) in accounting.tokens.every_bad_token("accounting") {
        for (method, path, _) in operations() {
            assert_eq!(ask(&accounting, &method, &path, &token).await.status, 401, "{fault}: {method} {path}");
        }
    }
    accounting.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let accounting = Accounting::start().await;
    let known = ["accounting:read", "accounting:write", "accounting:pay", "accounting:operate", "store:read"];
    for (method, path, scopes) in operations() {
        let others: Vec<_> = known.into_iter().filter(|it| !scopes.iter().any(|scope| scope == it)).collect();
        let token = accounting.tokens.user("accounting", seed::ALICE, &["staff", "operator"], &others.join(" "));
        let refused = ask(&accounting, &method, &path, &token).await.expect(403);
        assert_eq!(refused.code(), "insufficient_scope", "{method} {path}");
    }
    accounting.end().await;
}
