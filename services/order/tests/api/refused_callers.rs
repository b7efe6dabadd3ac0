//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use contracts::seed;
use testkit::Operations;

use crate::started::{CONTRACT, Suite};

fn operations() -> Operations {
    Operations::of("order", CONTRACT, &[])
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let suite = Suite::start().await;
    operations().refuse_bad_tokens(&suite.order.client, &suite.tokens).await;
    suite.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let suite = Suite::start().await;
    operations().refuse_other_scopes(&suite.order.client, &suite.tokens).await;
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
