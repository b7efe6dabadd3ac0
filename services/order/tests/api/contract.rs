//! The served contract is the committed one; every answer of every other test is held to it. And what this service
//! asks of others fits theirs.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Client, Contract, NOBODY, assert_contract_is_committed};

use crate::{
    gateway::{Asked, Do, checked_out},
    started::{CONTRACT, Suite, any_key, id, wanted},
};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let suite = Suite::start().await;
    let served = Client::new(&suite.order.address).get("/openapi.json", NOBODY).await.expect(200);
    assert_contract_is_committed(&served.body, CONTRACT);
    suite.end().await;
}

/// The committed contract of another service.
fn contract_of(service: &str) -> Contract {
    let services: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    Contract::load(services.join(service).join("openapi.json"))
}

fn fits(asked: &Asked) {
    contract_of(&asked.service).check_request(&asked.method, &asked.path, &asked.body);
}

#[tokio::test]
async fn whatever_is_asked_fits_the_contract_of_the_one_who_is_asked() {
    let suite = Suite::start().await;
    let cancelled = suite.confirmed().await;
    suite.cancel(cancelled).await.expect(202);
    suite.becomes(cancelled, "cancelled").await;
    suite.gateway.next("POST accounting/capture", &[Do::Refuse(409, "capture_declined")]);
    let compensated = id(&suite.post(&any_key(), 5, &wanted()).await.expect(201));
    let asked: Vec<_> = [cancelled, compensated].into_iter().flat_map(|order| suite.gateway.asked(order)).collect();
    let mut kinds: Vec<_> = asked.iter().map(Asked::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 10, "every request there is: {kinds:?}");
    asked.iter().for_each(fits);
    suite.end().await;
}

#[tokio::test]
async fn the_stand_in_answers_a_checkout_as_the_store_does() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let asked = &suite.gateway.asked(order)[0];
    contract_of("store").check_response("PUT", &asked.path, 200, &checked_out(asked));
    suite.end().await;
}

#[tokio::test]
async fn every_refusal_of_an_undo_is_named_in_the_contract_of_the_one_who_is_asked() {
    for (service, resource) in
        [("store", "checkouts"), ("inventory", "reservations"), ("accounting", "payments"), ("shipping", "shipments")]
    {
        let path = format!("/v1/{resource}/01900000-0000-7000-8000-0000000000aa");
        contract_of(service).check_response("DELETE", &path, 204, &Value::Null);
    }
}
