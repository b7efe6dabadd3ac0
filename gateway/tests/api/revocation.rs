//! A revoked token stops working.

use std::time::{Duration, Instant};

use contracts::auth::TokensRevoked;
use contracts::{CloudEvent, Event, EventId};
use gateway::cache::Limits;
use gateway::policies::Policies;
use serde_json::json;
use testkit::eventually;
use time::OffsetDateTime;

use crate::world::World;

// What a test allows on a busy machine; alone it takes about a millisecond.
const BOUND: Duration = Duration::from_secs(2);

fn hash(token: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(token))
}

pub async fn announce(world: &World, tokens: &[&str]) {
    let data = TokensRevoked { token_hashes: tokens.iter().map(|t| hash(t)).collect(), grant_id: "1".to_owned() };
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: EventId::generate(),
        source: "/auth".to_owned(),
        kind: TokensRevoked::TYPE.to_owned(),
        subject: data.aggregate(),
        time: OffsetDateTime::now_utc(),
        datacontenttype: "application/json".to_owned(),
        traceparent: None,
        data,
    };
    let client = async_nats::connect(world.nats.url()).await.unwrap();
    client.publish(TokensRevoked::TYPE, serde_json::to_vec(&event).unwrap().into()).await.unwrap();
    client.flush().await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_the_bound_and_others_go_on() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-revoked").await;
    gateway.arrived("/api/store/v1/x", "good-other").await;

    world.auth.revoke("good-revoked");
    announce(&world, &["good-revoked"]).await;
    let began = Instant::now();
    eventually(async || gateway.get("/api/store/v1/x", "good-revoked").await.status == 401).await;

    assert!(began.elapsed() < BOUND, "it took {:?}", began.elapsed());
    gateway.arrived("/api/store/v1/x", "good-other").await;
    assert_eq!(world.auth.asked("good-other").len(), 1);
}

#[tokio::test]
async fn an_exchange_under_way_at_a_revocation_is_not_remembered() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-marker").await;
    let client = gateway.client.clone();
    let early = tokio::spawn(async move { client.get("/api/store/v1/x", "held-1").await });
    eventually(async || !world.auth.asked("held-1").is_empty()).await;

    // Auth has already said yes to the early question; its answer is still on the way.
    world.auth.revoke("held-1");
    announce(&world, &["held-1", "good-marker"]).await;
    eventually(async || {
        gateway.arrived("/api/store/v1/x", "good-marker").await;
        world.auth.asked("good-marker").len() == 2
    })
    .await;
    world.auth.let_go();
    early.await.unwrap().expect(200);

    world.auth.let_go();
    gateway.get("/api/store/v1/x", "held-1").await.expect(401);
    assert_eq!(world.auth.asked("held-1").len(), 2);
}

#[tokio::test]
async fn a_token_that_is_revoked_while_no_route_leads_to_its_service_is_refused_when_one_does_again() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    gateway.get("/api/order/v1/x", "good-marker").await.expect(503);
    let before = gateway.policies.load_full();
    let mut without = Policies::clone(&before);
    without.routes.retain(|route| route.service != "store");
    gateway.policies.store(without.into());
    world.auth.revoke("good-1");
    announce(&world, &["good-1", "good-marker"]).await;
    eventually(async || {
        gateway.get("/api/order/v1/x", "good-marker").await;
        world.auth.asked("good-marker").len() == 2
    })
    .await;
    gateway.policies.store(before);
    gateway.get("/api/store/v1/x", "good-1").await.expect(401);
}

#[tokio::test]
async fn an_announcement_that_cannot_be_read_empties_the_cache() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    let client = async_nats::connect(world.nats.url()).await.unwrap();
    client.publish(TokensRevoked::TYPE, json!({"token": 1}).to_string().into()).await.unwrap();
    client.flush().await.unwrap();
    eventually(async || {
        gateway.arrived("/api/store/v1/x", "good-1").await;
        world.auth.asked("good-1").len() == 2
    })
    .await;
}

#[tokio::test]
async fn while_revocations_cannot_be_heard_answers_are_not_kept_long_and_services_go_on() {
    let world = World::new().await;
    // Not at all: so every request shows whether they can be heard.
    let limits = Limits { longest_unheard: Duration::ZERO, ..Limits::default() };
    let (gateway, _store) = world.gateway_with_store(limits).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;

    world.nats.kill().await;
    let began = Instant::now();
    // Longer than an instance may be silent while NATS is there.
    while began.elapsed() < Duration::from_secs(6) {
        gateway.arrived("/api/store/v1/x", "good-1").await;
    }
    assert!(world.auth.asked("good-1").len() > 10, "{} exchanges", world.auth.asked("good-1").len());

    // Revoked unheard: refused at the latest when NATS is back.
    world.auth.revoke("good-1");
    world.nats.restart().await;
    eventually(async || gateway.get("/api/store/v1/x", "good-1").await.status == 401).await;
    // And then what is good is kept again.
    eventually(async || {
        gateway.arrived("/api/store/v1/x", "good-2").await;
        let before = world.auth.asked("good-2").len();
        gateway.arrived("/api/store/v1/x", "good-2").await;
        world.auth.asked("good-2").len() == before
    })
    .await;
}
