//! The served contract is the committed one. Every answer of every other test is held to it.

use testkit::{Client, NOBODY, assert_contract_is_committed};

use crate::started::{Auth, CONTRACT};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let auth = Auth::start().await;
    for path in ["/openapi.json", "/auth/openapi.json"] {
        let served = Client::new(&auth.address).get(path, NOBODY).await.expect(200);
        assert_contract_is_committed(&served.body, CONTRACT);
    }
    auth.end().await;
}
