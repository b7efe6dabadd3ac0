//! The served contract is the committed one. Every answer of every other test is held to it.

use testkit::{Client, NOBODY, assert_contract_is_committed};

use crate::started::{CONTRACT, Shipping};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let shipping = Shipping::start().await;
    let served = Client::new(&shipping.address).get("/openapi.json", NOBODY).await.expect(200);
    assert_contract_is_committed(&served.body, CONTRACT);
    shipping.end().await;
}
