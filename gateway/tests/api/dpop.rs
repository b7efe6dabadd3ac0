//! DPoP (RFC 9449): a token that is bound to a key is good with a proof of it only.

use axum::{Json, Router, extract::Request, routing::get};
use futures::future::join_all;
use gateway::cache::Limits;
use serde_json::{Value, json};
use testkit::{Answer, Holder, NOBODY};
use time::{Duration, OffsetDateTime};

use crate::services::{Arrived, Instance};
use crate::world::{Gateway, PUBLIC_URL, World};

const PATH: &str = "/api/store/v1/products";
const TOKEN: &str = "good-bound";

impl Gateway {
    async fn send(&self, path: &str, authorization: &str, proofs: &[&str]) -> Answer {
        let request = self.client.request(http::Method::GET, path, NOBODY).header("authorization", authorization);
        self.client.send(proofs.iter().fold(request, |request, proof| request.header("dpop", *proof))).await
    }
}

fn proof(holder: &Holder, method: &str, path: &str, token: Option<&str>) -> String {
    holder.proof(method, &format!("{PUBLIC_URL}{path}"), token, OffsetDateTime::now_utc())
}

#[tokio::test]
async fn a_bound_token_is_good_with_a_fresh_proof_of_its_key() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let holder = Holder::new();
    world.auth.binds(TOKEN, holder.thumbprint());
    for path in [PATH, "/api/store/v1/products?page=2"] {
        let proof = proof(&holder, "GET", PATH, Some(TOKEN));
        let arrived: Arrived = gateway.send(path, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(200).read();
        assert!(arrived.header("authorization").starts_with("Bearer good-bound.store."), "the service gets its JWT");
        assert!(!arrived.headers.contains_key("dpop"));
        let again = gateway.send(path, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(401);
        assert_eq!((again.code().as_str(), &again.json()["source"]), ("invalid_dpop_proof", &json!("gateway")));
    }
    assert_eq!(world.auth.asked(TOKEN).len(), 1, "auth is not asked for each proof");
}

#[tokio::test]
async fn without_the_right_proof_a_bound_token_is_worth_nothing() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let (holder, thief) = (Holder::new(), Holder::new());
    world.auth.binds(TOKEN, holder.thumbprint());
    let (bearer, dpop) = (format!("Bearer {TOKEN}"), format!("DPoP {TOKEN}"));
    let right = || proof(&holder, "GET", PATH, Some(TOKEN));
    let old = |age| {
        let at = OffsetDateTime::now_utc() - Duration::seconds(age);
        holder.proof("GET", &format!("{PUBLIC_URL}{PATH}"), Some(TOKEN), at)
    };
    let wrong: [(&str, &[String], &str); 11] = [
        (&bearer, &[], "invalid_token"),
        (&bearer, &[right()], "invalid_token"),
        (&dpop, &[], "invalid_dpop_proof"),
        (&dpop, &[right(), right()], "invalid_dpop_proof"),
        (&dpop, &[proof(&thief, "GET", PATH, Some(TOKEN))], "invalid_dpop_proof"),
        (&dpop, &[proof(&holder, "POST", PATH, Some(TOKEN))], "invalid_dpop_proof"),
        (&dpop, &[proof(&holder, "GET", "/api/order/v1/products", Some(TOKEN))], "invalid_dpop_proof"),
        (&dpop, &[proof(&holder, "GET", PATH, None)], "invalid_dpop_proof"),
        (&dpop, &[proof(&holder, "GET", PATH, Some("good-other"))], "invalid_dpop_proof"),
        (&dpop, &[old(90)], "invalid_dpop_proof"),
        (&dpop, &["x".to_owned()], "invalid_dpop_proof"),
    ];
    for (authorization, proofs, code) in wrong {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = gateway.send(PATH, authorization, &proofs).await.expect(401);
        assert_eq!(answer.code(), code, "{authorization} {proofs:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP realm="), "{answer:?}");
    }
    gateway.send(PATH, &dpop, &[&old(9)]).await.expect(200);
}

#[tokio::test]
async fn a_token_that_is_bound_to_no_key_is_for_its_bearer() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let proof = proof(&Holder::new(), "GET", PATH, Some("good-1"));
    let answer = gateway.send(PATH, "DPoP good-1", &[&proof]).await.expect(401);
    assert_eq!(answer.code(), "invalid_token");
    gateway.send(PATH, "Bearer good-1", &[&proof]).await.expect(200);
}

#[tokio::test]
async fn of_thirty_uses_of_a_proof_at_once_exactly_one_gets_through() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let holder = Holder::new();
    world.auth.binds(TOKEN, holder.thumbprint());
    let dpop = format!("DPoP {TOKEN}");
    for _ in 0..3 {
        let proof = proof(&holder, "GET", PATH, Some(TOKEN));
        let proofs = [proof.as_str()];
        let answers = join_all((0..30).map(|_| gateway.send(PATH, &dpop, &proofs))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    }
}

#[tokio::test]
async fn a_joined_answer_needs_one_proof_for_all_its_parts() {
    let world = World::new().await;
    let told = |name: &'static str| {
        async move |_: Request| {
            Json(json!({"sku": "A", "name": name, "description": "A mug.", "category": "tableware", "available": 5,
            "price": {"amount": 1200, "currency": "EUR"}, "weight_grams": 420, "withdrawn": false,
            "picture": "/v1/products/A/picture", "version": 1}))
        }
    };
    let services = [
        ("store", Instance::start(Router::new().route("/v1/products/{sku}", get(told("store")))).await),
        ("inventory", Instance::start(Router::new().route("/v1/stock/{sku}", get(told("inventory")))).await),
    ];
    let setting: Vec<_> = services.iter().map(|(name, it)| format!("{name}={}", it.address)).collect();
    let gateway = world.gateway(&setting.join(",")).await;
    let holder = Holder::new();
    world.auth.binds(TOKEN, holder.thumbprint());
    let page = "/api/shop/v1/products/MUG-BLUE/page";
    let proof = proof(&holder, "GET", page, Some(TOKEN));
    let answer: Value = gateway.send(page, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(200).json();
    let missing: Vec<_> = answer["missing"].as_array().unwrap().iter().map(|it| it["part"].clone()).collect();
    assert!(!missing.contains(&json!("product")) && !missing.contains(&json!("stock")), "{answer}");
    gateway.send(page, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(401);
    gateway.send(page, &format!("Bearer {TOKEN}"), &[]).await.expect(401);
}
