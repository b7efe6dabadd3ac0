//! Tokens: who gets in, and how soon a revoked one does not.

use std::time::{Duration, Instant};

use e2e::{Shopper, log_in};
use reqwest::Client;
use serde_json::Value;
use testkit::{Tokens, eventually};

use crate::setting::{shared_suite, shopper};

const SERVICES: [(&str, &str); 5] = [
    ("store", "/v1/products"),
    ("inventory", "/v1/stock"),
    ("accounting", "/v1/payments"),
    ("shipping", "/v1/shipments"),
    ("order", "/v1/orders"),
];

#[tokio::test]
async fn a_service_reached_past_the_gateway_asks_for_a_token_of_its_own() {
    let suite = shared_suite().await;
    let strangers = Tokens::serve().await;
    let alice = shopper(suite, "alice").await;
    let http = Client::new();
    for (service, path) in SERVICES {
        let status = suite.status();
        let url = format!("{}{path}", status.iter().find(|it| it.id == service).unwrap().address);
        assert_eq!(http.get(&url).send().await.unwrap().status(), 401, "{service} without a token");
        // Foreign key, expired, wrong audience, unsigned …: none is from our auth.
        for (why, token) in strangers.every_bad_token(service) {
            assert_eq!(http.get(&url).bearer_auth(token).send().await.unwrap().status(), 401, "{service}: {why}");
        }
        let opaque = http.get(&url).bearer_auth(alice.token()).send().await.unwrap();
        assert_eq!(opaque.status(), 401, "{service} with a token that only the gateway understands");
    }
}

#[tokio::test]
async fn the_gateway_refuses_what_auth_did_not_issue() {
    let suite = shared_suite().await;
    let strangers = Tokens::serve().await;
    for (service, path) in SERVICES {
        let path = format!("/api/{service}{path}");
        let nobody = Shopper::with_token(suite.public_url(), "").unwrap();
        assert_eq!(nobody.get(&path).await.unwrap().status, 401);
        let guess = Shopper::with_token(suite.public_url(), "rat_guess").unwrap();
        assert_eq!(guess.get(&path).await.unwrap().status, 401);
        let jwt = Shopper::with_token(suite.public_url(), &strangers.staff(service)).unwrap();
        assert_eq!(jwt.get(&path).await.unwrap().status, 401, "a JWT from outside");
    }
}

#[tokio::test]
async fn identity_headers_from_outside_mean_nothing() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let headers = [("X-Roles", "operator"), ("X-User", "olga"), ("X-Forwarded-User", "olga")];
    let answer = alice.send(reqwest::Method::GET, "/api/order/v1/sagas", None, &headers).await.unwrap();
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_revoked_token_soon_stops_working_everywhere() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    for (service, path) in SERVICES {
        alice.get(&format!("/api/{service}{path}")).await.unwrap().expect(200).unwrap();
    }
    let form = [("token", alice.token()), ("client_id", "demo")];
    let url = format!("{}/auth/revoke", suite.public_url());
    let answer = Client::new().post(url).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let began = Instant::now();
    for (service, path) in SERVICES {
        eventually(async || alice.get(&format!("/api/{service}{path}")).await.unwrap().status == 401).await;
    }
    // Well under the 60 s that a gateway which hears nothing would go on.
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_refreshed_token_works_and_the_old_refresh_token_kills_the_family() {
    let suite = shared_suite().await;
    let first = log_in(suite.public_url(), "bob", "bob-demo-password").await.unwrap();
    let refresh = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "demo")];
        let url = format!("{}/auth/token", suite.public_url());
        let answer = Client::new().post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let old = first.refresh_token.unwrap();
    let (status, second) = refresh(&old).await;
    assert_eq!(status, 200, "{second}");
    let bob = Shopper::with_token(suite.public_url(), second["access_token"].as_str().unwrap()).unwrap();
    bob.get("/api/order/v1/orders").await.unwrap().expect(200).unwrap();
    assert_eq!(refresh(&old).await.0, 400);
    assert_eq!(refresh(second["refresh_token"].as_str().unwrap()).await.0, 400);
    eventually(async || bob.get("/api/order/v1/orders").await.unwrap().status == 401).await;
}

#[tokio::test]
async fn a_machine_reads_with_its_own_credentials_and_cannot_write() {
    let suite = shared_suite().await;
    let url = format!("{}/auth/token", suite.public_url());
    let request = Client::new().post(url).basic_auth("reporting", Some(&suite.secrets().reporting_client));
    let answer = request.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    let token = answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let machine = Shopper::with_token(suite.public_url(), &token).unwrap();
    machine.get("/api/order/v1/orders").await.unwrap().expect(200).unwrap();
    machine.get("/api/accounting/v1/trial-balance").await.unwrap().expect(200).unwrap();
    let receipt = serde_json::json!({"quantity": 1, "reference": "x"});
    machine.post("/api/inventory/v1/stock/MUG-BLUE/receipts", receipt).await.unwrap().expect(403).unwrap();
}

#[tokio::test]
async fn a_wrong_password_does_not_log_in() {
    let suite = shared_suite().await;
    assert!(log_in(suite.public_url(), "alice", "wrong").await.is_err());
    assert!(log_in(suite.public_url(), "nobody", "alice-demo-password").await.is_err());
}
