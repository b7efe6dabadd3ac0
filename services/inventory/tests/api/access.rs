//! Who may do what.

use contracts::{OrderId, seed::ALICE};
use serde_json::json;
use testkit::Operations;

use crate::started::{CONTRACT, Inventory};

fn operations() -> Operations {
    Operations::of("inventory", CONTRACT, &[("{sku}", "MUG-BLUE")])
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let it = Inventory::start().await;
    operations().refuse_bad_tokens(&it.client, &it.tokens).await;
    it.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let it = Inventory::start().await;
    operations().refuse_other_scopes(&it.client, &it.tokens).await;
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
