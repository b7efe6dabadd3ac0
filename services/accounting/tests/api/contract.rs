//! The served contract is the committed one. Every answer of every other test is held to it.

use testkit::{Client, NOBODY, assert_contract_is_committed};

use crate::started::{Accounting, CONTRACT};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let accounting = Accounting::start().await;
    let served = Client::new(&accounting.address).get("/openapi.json", NOBODY).await.expect(200);
    assert_contract_is_committed(&served.body, CONTRACT);
    accounting.end().await;
}

#[tokio::test]
async fn every_payment_method_is_described_and_can_be_asked_for() {
    let accounting = Accounting::impatient().await;
    let methods = accounting.client.get("/v1/payment-methods", &accounting.alice()).await.expect(200).json();
    let methods = methods["items"].as_array().unwrap().clone();
    assert_eq!(methods.len(), 8);
    for it in methods {
        let order = contracts::OrderId::generate();
        let answer = accounting.authorize(order, it["method"].as_str().unwrap()).await;
        assert!(!answer.body.contains("invalid_body"), "{it}: {answer:?}");
        accounting.void(order).await;
    }
    accounting.end().await;
}
