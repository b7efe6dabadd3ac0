//! Contracts are compared and held to.

use serde_json::{Value, json};
use testkit::{Contract, assert_contract_is_committed};

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": {
            "/v1/things/{id}": {
                "get": { "responses": {
                    "200": { "description": "It.", "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Thing" } } } },
                    "404": { "$ref": "#/components/responses/Missing" } } },
                "put": {
                    "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Thing" } } } },
                    "responses": { "204": { "description": "Done." } } } },
            "/v1/things/first": {
                "get": { "responses": { "204": { "description": "None yet." } } } },
        },
        "components": {
            "responses": { "Missing": { "description": "No such thing.", "content": { "application/problem+json": {
                "schema": { "type": "object", "required": ["code"] } } } } },
            "schemas": { "Thing": { "type": "object", "required": ["id", "left"], "properties": {
                "id": { "type": "string", "format": "uuid" }, "left": { "type": ["integer", "null"], "minimum": 0 } } } },
        },
    })
}

const PATH: &str = "/v1/things/01900000-0000-7000-8000-000000000001?limit=1";

fn thing() -> Value {
    json!({ "id": "01900000-0000-7000-8000-000000000001", "left": 3 })
}

#[test]
fn what_fits_passes() {
    let contract = Contract::of(document());
    contract.check_response("GET", PATH, 200, &thing());
    contract.check_response("GET", PATH, 404, &json!({ "code": "no_such_thing" }));
    contract.check_response("PUT", PATH, 204, &Value::Null);
    contract.check_request("PUT", PATH, &thing());
}

#[test]
fn a_literal_segment_comes_before_a_parameter() {
    Contract::of(document()).check_response("GET", "/v1/things/first", 204, &Value::Null);
}

#[test]
#[should_panic(expected = "/left: -1 is less than the minimum")]
fn an_answer_outside_its_bounds_is_found() {
    Contract::of(document()).check_response("GET", PATH, 200, &json!({ "id": thing()["id"], "left": -1 }));
}

#[test]
#[should_panic(expected = "is not a \"uuid\"")]
fn a_format_is_held_to() {
    Contract::of(document()).check_response("GET", PATH, 200, &json!({ "id": "seven", "left": 1 }));
}

#[test]
#[should_panic(expected = "\"code\" is a required property")]
fn a_referenced_response_is_held_to() {
    Contract::of(document()).check_response("GET", PATH, 404, &json!({}));
}

#[test]
#[should_panic(expected = "no such status")]
fn an_undocumented_status_is_found() {
    Contract::of(document()).check_response("GET", PATH, 500, &json!({}));
}

#[test]
#[should_panic(expected = "\"left\" is a required property")]
fn a_request_that_does_not_fit_is_found() {
    Contract::of(document()).check_request("PUT", PATH, &json!({ "id": thing()["id"] }));
}

#[test]
#[should_panic(expected = "the contract has no DELETE")]
fn an_undocumented_operation_is_found() {
    Contract::of(document()).check_response("DELETE", PATH, 204, &Value::Null);
}

#[test]
#[should_panic(expected = "/paths/~new is served but not committed")]
fn a_served_contract_that_differs_from_the_committed_one_is_found() {
    let directory = launch::Temporary::new("contract").unwrap();
    let file = directory.path().join("openapi.json");
    std::fs::write(&file, document().to_string()).unwrap();
    assert_contract_is_committed(&document().to_string(), &file);
    let mut served = document();
    served["paths"]["~new"] = json!({});
    assert_contract_is_committed(&served.to_string(), &file);
}

#[test]
#[should_panic(expected = "refers to what it does not hold: #/components/schemas/Gone at /paths//v1/things/first/get")]
fn a_reference_that_leads_nowhere_is_found_though_it_was_committed() {
    let mut served = document();
    served["paths"]["/v1/things/first"]["get"]["responses"]["200"] = json!({ "description": "It.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Gone" } } } });
    let directory = launch::Temporary::new("contract").unwrap();
    let file = directory.path().join("openapi.json");
    std::fs::write(&file, served.to_string()).unwrap();
    assert_contract_is_committed(&served.to_string(), &file);
}
