//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use serde_json::Value;
use testkit::Operations;

use crate::started::{CONTRACT, Shipping};

fn operations() -> Operations {
    Operations::of(
        "shipping",
        CONTRACT,
        &[("{zone}/{service}/{up_to_grams}", "domestic/standard/1000"), ("{tracking_number}", "RS7ZZZZZZZZZZZR")],
    )
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let shipping = Shipping::start().await;
    operations().refuse_bad_tokens(&shipping.client, &shipping.tokens).await;
    shipping.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let shipping = Shipping::start().await;
    operations().refuse_other_scopes(&shipping.client, &shipping.tokens).await;
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
