//! Who may not call what: every operation of the contract, without a token, with every bad one, without its scope.

use testkit::Operations;

use crate::started::{Accounting, CONTRACT};

fn operations() -> Operations {
    Operations::of("accounting", CONTRACT, &[("{code}", "1000-EUR"), ("{number}", "INV-2026-00000001")])
}

#[tokio::test]
async fn every_operation_wants_a_token_and_no_bad_one() {
    let accounting = Accounting::start().await;
    operations().refuse_bad_tokens(&accounting.client, &accounting.tokens).await;
    accounting.end().await;
}

#[tokio::test]
async fn every_operation_wants_its_scope_and_no_other_will_do() {
    let accounting = Accounting::start().await;
    operations().refuse_other_scopes(&accounting.client, &accounting.tokens).await;
    accounting.end().await;
}
