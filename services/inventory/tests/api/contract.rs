//! The contract. That every answer fits it is checked in all tests, by the client that they share.

use serde_json::Value;
use testkit::{Client, Contract, NOBODY, assert_contract_is_committed};

use crate::started::{CONTRACT, Inventory, wanted};

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let it = Inventory::start().await;
    let served = Client::new(&it.address).get("/openapi.json", NOBODY).await.expect(200).body;
    assert_contract_is_committed(&served, CONTRACT);
    it.end().await;
}

#[test]
fn the_contract_is_printed_as_it_is_committed() {
    let printed = web::contract::render(&inventory::contract());
    assert_eq!(printed, std::fs::read_to_string(CONTRACT).unwrap());
}

#[test]
fn what_the_order_service_asks_fits() {
    let path = "/v1/reservations/01900000-0000-7000-8000-00000000aaaa";
    Contract::load(CONTRACT).check_request("PUT", path, &wanted(&[("MUG-BLUE", 2), ("BOWL-ASH", 1000)]));
}

#[test]
fn every_operation_names_its_scope_its_purpose_and_itself() {
    let contract: Value = serde_json::from_str(&web::contract::render(&inventory::contract())).unwrap();
    let operations =
        contract["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for operation in operations {
        let scopes = operation["security"][0]["oauth2"].as_array().unwrap();
        assert!(scopes.iter().all(|scope| scope.as_str().unwrap().starts_with("inventory:")), "{operation}");
        assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{operation}");
    }
}
