//! The served contract is the committed one. Every answer of every other test is held to it.

use testkit::{Client, NOBODY, assert_contract_is_committed};

use crate::started::{CONTRACT, Store};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let store = Store::start().await;
    let served = Client::new(&store.address).get("/openapi.json", NOBODY).await.expect(200);
    assert_contract_is_committed(&served.body, CONTRACT);
    store.end().await;
}
