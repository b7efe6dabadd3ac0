//! Who may do what.

use contracts::{OrderId, seed::ALICE};
use http::Method;
use serde_json::{Value, json};
use testkit::NOBODY;

use crate::started::{Inventory, wanted};

const ORDER: &str = "01900000-0000-7000-8000-00000000aaaa";

/// Every operation, with a body that is accepted.
fn operations() -> Vec<(Method, String, Value)> {
    let reservation = format!("/v1/reservations/{ORDER}");
    vec![
        (Method::GET, "/v1/stock".to_owned(), Value::Null),
        (Method::GET, "/v1/stock/MUG-BLUE".to_owned(), Value::Null),
        (Method::POST, "/v1/stock/MUG-BLUE/receipts".to_owned(), json!({"quantity": 1, "reference": "DN-1"})),
        (Method::POST, "/v1/stock/MUG-BLUE/adjustments".to_owned(), json!({"quantity": 1, "reason": "found"})),
        (Method::GET, "/v1/stock/MUG-BLUE/movements".to_owned(), Value::Null),
        (Method::GET, "/v1/reservations".to_owned(), Value::Null),
        (Method::PUT, reservation.clone(), wanted(&[("MUG-BLUE", 1)])),
        (Method::GET, reservation.clone(), Value::Null),
        (Method::DELETE, reservation, Value::Null),
        (Method::GET, "/v1/dead-letters".to_owned(), Value::Null),
    ]
}

async fn status(it: &Inventory, (method, path, body): &(Method, String, Value), token: &str) -> u16 {
    let request = it.client.request(method.clone(), path, token);
    let request = if body.is_null() { request } else { request.json(body) };
    it.client.send(request).await.status.as_u16()
}

#[tokio::test]
async fn every_bad_token_is_refused_everywhere() {
    let it = Inventory::start().await;
    for operation in operations() {
        assert_eq!(status(&it, &operation, NOBODY).await, 401, "{operation:?} without a token");
        for (what, token) in it.tokens.every_bad_token("inventory") {
            assert_eq!(status(&it, &operation, &token).await, 401, "{operation:?} with a token that is {what}");
        }
    }
    assert_eq!(it.number("select count(*) from stock").await, 0);
    it.end().await;
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_everywhere() {
    let it = Inventory::start().await;
    for operation in operations() {
        let granted = match (&operation.0, operation.1.as_str()) {
            (_, "/v1/dead-letters") => "inventory:read inventory:write inventory:reserve",
            (&Method::POST, _) => "inventory:read inventory:reserve inventory:operate",
            (&Method::PUT | &Method::DELETE, _) => "inventory:read inventory:write inventory:operate",
            _ => "inventory:write inventory:operate",
        };
        let token = it.tokens.user("inventory", ALICE, &["staff", "operator"], granted);
        assert_eq!(status(&it, &operation, &token).await, 403, "{operation:?} with {granted}");
    }
    assert_eq!(it.number("select count(*) from stock").await, 0);
    it.end().await;
}

#[tokio::test]
async fn a_customer_sees_stock_and_nothing_else() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let order = it.reserved(&[("MUG-BLUE", 1)]).await;
    // All scopes: here the role alone decides.
    let alice = it.tokens.user("inventory", ALICE, &["customer"], "inventory:read inventory:write");
    it.client.get("/v1/stock", &alice).await.expect(200);
    it.client.get("/v1/stock/MUG-BLUE", &alice).await.expect(200);
    for path in ["/v1/stock/MUG-BLUE/movements", "/v1/reservations"] {
        assert_eq!(it.client.get(path, &alice).await.expect(403).code(), "insufficient_role", "{path}");
    }
    let receipt = json!({"quantity": 1, "reference": "DN-1"});
    let answer = it.client.post("/v1/stock/MUG-BLUE/receipts", &alice, &receipt).await;
    assert_eq!(answer.expect(403).code(), "insufficient_role");
    let answer = it.client.get(&format!("/v1/reservations/{order}"), &alice).await;
    assert_eq!(answer.expect(404).code(), "reservation_not_found");
    it.end().await;
}

#[tokio::test]
async fn who_reserves_sees_its_own_reservations_only() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let order = it.reserved(&[("MUG-BLUE", 1)]).await;
    let path = format!("/v1/reservations/{order}");
    it.client.get(&path, &it.order()).await.expect(200);
    let other = it.tokens.client("inventory", "other", "inventory:reserve");
    it.client.get(&path, &other).await.expect(404);
    let reporting = it.tokens.client("inventory", "reporting", "inventory:read");
    it.client.get(&path, &reporting).await.expect(200);
    it.client.get("/v1/reservations", &reporting).await.expect(200);
    it.client.get(&format!("/v1/reservations/{}", OrderId::generate()), &it.order()).await.expect(404);
    it.end().await;
}

#[tokio::test]
async fn an_operator_sees_dead_letters_and_a_clerk_does_not() {
    let it = Inventory::start().await;
    it.client.get("/v1/dead-letters", &it.tokens.operator("inventory")).await.expect(200);
    it.client.get("/v1/dead-letters", &it.sam()).await.expect(403);
    it.end().await;
}
