//! DPoP (RFC 9449): a token that is bound to a key is good with a proof of it only.

use std::cell::Cell;

use axum::{Json, Router, extract::Request, routing::get};
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::plans::Plan;
use gateway::policies::Policies;
use gateway::throttle::Rate;
use proof::Nonces;
use serde_json::{Value, json};
use testkit::{Answer, Holder, NOBODY, Tokens, eventually};
use time::{Duration, OffsetDateTime};

use crate::services::{Arrived, Instance};
use crate::world::{Gateway, PUBLIC_URL, SECRET, World, policies};

const PATH: &str = "/api/store/v1/products";
const TOKEN: &str = "good-bound";

impl Gateway {
    async fn send(&self, path: &str, authorization: &str, proofs: &[&str]) -> Answer {
        let request = self.client.request(http::Method::GET, path, NOBODY).header("authorization", authorization);
        self.client.send(proofs.iter().fold(request, |request, proof| request.header("dpop", *proof))).await
    }
}

// As a gateway gives it out that has just been started.
fn nonce() -> String {
    let millis = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    Nonces::of(SECRET).give(millis.try_into().unwrap())
}

fn proof(holder: &Holder, method: &str, path: &str, token: Option<&str>) -> String {
    proof_made(holder, method, path, token, 0)
}

// Made so many seconds ago by the holder's clock.
fn proof_made(holder: &Holder, method: &str, path: &str, token: Option<&str>, ago: i64) -> String {
    let at = OffsetDateTime::now_utc() - Duration::seconds(ago);
    holder.proof_with(method, &format!("{PUBLIC_URL}{path}"), token, at, |_, claims| claims["nonce"] = json!(nonce()))
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
    let with = |change: fn(&mut Value)| {
        let (url, at) = (format!("{PUBLIC_URL}{PATH}"), OffsetDateTime::now_utc());
        holder.proof_with("GET", &url, Some(TOKEN), at, |header, claims| {
            claims["nonce"] = json!(nonce());
            change(header);
        })
    };
    let old = |age| proof_made(&holder, "GET", PATH, Some(TOKEN), age);
    let wrong: [(&str, &[String], &str); 16] = [
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
        (&dpop, &[old(-3_600)], "invalid_dpop_proof"),
        (&dpop, &[with(|header| header["alg"] = json!("none"))], "invalid_dpop_proof"),
        (&dpop, &[with(|header| header["alg"] = json!("HS256"))], "invalid_dpop_proof"),
        (&dpop, &[with(|header| header["typ"] = json!("JWT"))], "invalid_dpop_proof"),
        (&dpop, &[right() + "A"], "invalid_dpop_proof"),
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
async fn a_gateway_that_was_started_again_asks_for_a_proof_of_the_time_since() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let setting = format!("store={}", store.address);
    let holder = Holder::new();
    world.auth.binds(TOKEN, holder.thumbprint());
    let dpop = format!("DPoP {TOKEN}");
    let before = world.gateway(&setting).await;
    let used = proof(&holder, "GET", PATH, Some(TOKEN));
    before.send(PATH, &dpop, &[&used]).await.expect(200);

    let gateway = world.gateway(&setting).await;
    let now = OffsetDateTime::now_utc();
    let plain = || holder.proof("GET", &format!("{PUBLIC_URL}{PATH}"), Some(TOKEN), now);
    let ahead = holder.proof("GET", &format!("{PUBLIC_URL}{PATH}"), Some(TOKEN), now + Duration::seconds(9));
    for proof in [used, plain(), ahead] {
        let answer = gateway.send(PATH, &dpop, &[&proof]).await.expect(401);
        assert_eq!((answer.code().as_str(), &answer.json()["source"]), ("use_dpop_nonce", &json!("gateway")));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("DPoP realm=") && challenge.contains("error=\"use_dpop_nonce\""), "{challenge}");
        let nonce = answer.header("dpop-nonce").unwrap();
        let url = format!("{PUBLIC_URL}{PATH}");
        let anew = || holder.proof_with("GET", &url, Some(TOKEN), now, |_, claims| claims["nonce"] = json!(nonce));
        // One nonce is good for many proofs, each of which is good once.
        let (first, second) = (anew(), anew());
        gateway.send(PATH, &dpop, &[&first]).await.expect(200);
        gateway.send(PATH, &dpop, &[&second]).await.expect(200);
        assert_eq!(gateway.send(PATH, &dpop, &[&first]).await.expect(401).code(), "invalid_dpop_proof");
    }
    // A clock that is half a minute slow is no hindrance.
    let slow = proof_made(&holder, "GET", PATH, Some(TOKEN), 30);
    gateway.send(PATH, &dpop, &[&slow]).await.expect(200);
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

const PAGE: &str = "/api/shop/v1/products/MUG-BLUE/page";

// The services that the page cannot do without.
async fn shop() -> [(&'static str, Instance); 2] {
    let told = |name: &'static str| {
        async move |_: Request| {
            Json(json!({"sku": "A", "name": name, "description": "A mug.", "category": "tableware", "available": 5,
            "price": {"amount": 1200, "currency": "EUR"}, "weight_grams": 420, "withdrawn": false,
            "picture": "/v1/products/A/picture", "version": 1}))
        }
    };
    [
        ("store", Instance::start(Router::new().route("/v1/products/{sku}", get(told("store")))).await),
        ("inventory", Instance::start(Router::new().route("/v1/stock/{sku}", get(told("inventory")))).await),
    ]
}

fn setting(services: &[(&str, Instance)]) -> String {
    services.iter().map(|(name, it)| format!("{name}={}", it.address)).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn a_joined_answer_needs_one_proof_for_all_its_parts() {
    let (world, services) = (World::new().await, shop().await);
    let gateway = world.gateway(&setting(&services)).await;
    let holder = Holder::new();
    world.auth.binds(TOKEN, holder.thumbprint());
    let proof = proof(&holder, "GET", PAGE, Some(TOKEN));
    let answer: Value = gateway.send(PAGE, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(200).json();
    let missing: Vec<_> = answer["missing"].as_array().unwrap().iter().map(|it| it["part"].clone()).collect();
    assert!(!missing.contains(&json!("product")) && !missing.contains(&json!("stock")), "{answer}");
    gateway.send(PAGE, &format!("DPoP {TOKEN}"), &[&proof]).await.expect(401);
    gateway.send(PAGE, &format!("Bearer {TOKEN}"), &[]).await.expect(401);
}

#[tokio::test]
async fn who_repeats_the_proof_of_a_joined_answer_takes_nothing_of_its_owners_limit() {
    let (world, services) = (World::new().await, shop().await);
    let rate = Rate { requests: 100, seconds: 360_000 };
    let policies = Policies { plans: [("free", Plan::new(None, Some(rate), None))].into(), ..policies() };
    let setting = discovery(&setting(&services)).unwrap();
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    let holder = Holder::new();
    world.auth.grants(TOKEN, Tokens::serve().await.of_plan("store", "demo", "free", "alice"));
    world.auth.binds(TOKEN, holder.thumbprint());
    let dpop = format!("DPoP {TOKEN}");
    // By a request of its own, which takes one.
    let left = async || {
        let path = "/api/store/v1/products/A";
        let answer = gateway.send(path, &dpop, &[&proof(&holder, "GET", path, Some(TOKEN))]).await.expect(200);
        let left = answer.header("ratelimit").unwrap().split(';').nth(1).unwrap().trim_start_matches("r=").to_owned();
        left.parse::<u32>().unwrap()
    };
    let used = proof(&holder, "GET", PAGE, Some(TOKEN));
    gateway.send(PAGE, &dpop, &[&used]).await.expect(200);
    let before = left().await;
    for _ in 0..5 {
        gateway.send(PAGE, &dpop, &[&used]).await.expect(401);
    }
    assert_eq!(left().await, before - 1);
}

#[tokio::test]
async fn who_has_to_wait_has_not_used_the_proof() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let rate = Rate { requests: 1, seconds: 1 };
    let policies = Policies { plans: [("free", Plan::new(None, Some(rate), None))].into(), ..policies() };
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    let holder = Holder::new();
    world.auth.grants(TOKEN, Tokens::serve().await.of_plan("store", "demo", "free", "alice"));
    world.auth.binds(TOKEN, holder.thumbprint());
    let dpop = format!("DPoP {TOKEN}");
    let waiting = loop {
        let proofs: Vec<_> = (0..10).map(|_| proof(&holder, "GET", PATH, Some(TOKEN))).collect();
        let sent = proofs.iter().map(async |proof| gateway.send(PATH, &dpop, &[proof]).await.status == 429);
        let sent = join_all(sent).await;
        if let Some(nth) = sent.iter().position(|waits| *waits) {
            break proofs[nth].clone();
        }
    };
    let answer = Cell::new(429);
    eventually(async || {
        answer.set(gateway.send(PATH, &dpop, &[&waiting]).await.status.as_u16());
        answer.get() != 429
    })
    .await;
    assert_eq!(answer.get(), 200);
    gateway.send(PATH, &dpop, &[&waiting]).await.expect(401);
}
