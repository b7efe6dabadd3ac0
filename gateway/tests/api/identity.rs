//! From an opaque token to a JWT for one service.

use std::time::Duration;

use futures::future::join_all;
use gateway::cache::Limits;
use testkit::{Client, NOBODY, eventually};

use crate::services::Instance;
use crate::world::World;

#[tokio::test]
async fn the_service_gets_a_jwt_for_itself_and_never_the_callers_token() {
    let world = World::new().await;
    let (store, order) = (Instance::echo("store").await, Instance::echo("order").await);
    let gateway = world.gateway(&format!("store={},order={}", store.address, order.address)).await;

    let at_store = gateway.arrived("/api/store/v1/products?page=2", "good-1").await;
    let at_order = gateway.arrived("/api/order/v1/orders", "good-1").await;

    assert_eq!((at_store.at.as_str(), at_store.target.as_str()), ("store", "/v1/products?page=2"));
    assert!(at_store.header("authorization").starts_with("Bearer good-1.store."));
    assert!(at_order.header("authorization").starts_with("Bearer good-1.order."));
    let audiences: Vec<_> = world.auth.asked("good-1").into_iter().map(|question| question.audience).collect();
    assert_eq!(audiences, ["store", "order"]);
}

#[tokio::test]
async fn the_gateway_exchanges_as_its_own_client() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    let question = &world.auth.asked("good-1")[0];
    assert_eq!(question.grant_type, "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(question.subject_token_type, "urn:ietf:params:oauth:token-type:access_token");
    // "gateway:" and the form-encoded secret.
    assert_eq!(question.authorization, "Basic Z2F0ZXdheTphJTIwc2VjcmV0JTNBJTIwMTAwJTI1");
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_and_nothing_forwarded() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let answer = gateway.get("/api/store/v1/products", NOBODY).await.expect(401);
    assert_eq!(answer.code(), "token_required");
    assert_eq!(answer.json()["source"], "gateway");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"retail\""));
}

#[tokio::test]
async fn a_jwt_from_outside_is_refused_unasked() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let answer = gateway.get("/api/store/v1/products", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln").await.expect(401);
    assert_eq!(answer.code(), "invalid_token");
    assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    assert!(world.auth.asked("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln").is_empty());
}

#[tokio::test]
async fn what_auth_says_about_a_token_is_what_the_caller_gets() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    for (token, status, code) in
        [("bad-1", 401, "invalid_token"), ("else-1", 403, "token_not_for_service"), ("down-1", 503, "auth_unavailable")]
    {
        let answer = gateway.get("/api/store/v1/products", token).await.expect(status);
        assert_eq!(answer.code(), code);
        assert_eq!(answer.json()["source"], "gateway");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{token}");
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_make_one_exchange() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let requests = join_all((0..100).map(|_| gateway.get("/api/store/v1/x", "held-1")));
    let all = tokio::spawn({
        let client = Client::new(&gateway.url);
        async move { join_all((0..100).map(|_| client.get("/api/store/v1/x", "held-1"))).await }
    });
    eventually(async || !world.auth.asked("held-1").is_empty()).await;
    world.auth.let_go();
    for answer in requests.await.into_iter().chain(all.await.unwrap()) {
        answer.expect(200);
    }
    assert_eq!(world.auth.asked("held-1").len(), 1);
}

#[tokio::test]
async fn an_exchange_goes_on_when_its_caller_goes_away() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let client = gateway.client.clone();
    let caller = tokio::spawn(async move { client.get("/api/store/v1/x", "held-1").await });
    eventually(async || !world.auth.asked("held-1").is_empty()).await;
    caller.abort();
    world.auth.let_go();
    gateway.arrived("/api/store/v1/x", "held-1").await;
    assert_eq!(world.auth.asked("held-1").len(), 1);
}

#[tokio::test]
async fn a_bad_token_is_asked_about_once_in_a_while() {
    let world = World::new().await;
    let limits = Limits { refused_for: Duration::from_secs(2), ..Limits::default() };
    let (gateway, _store) = world.gateway_with_store(limits).await;
    for _ in 0..20 {
        gateway.get("/api/store/v1/x", "bad-1").await.expect(401);
    }
    assert_eq!(world.auth.asked("bad-1").len(), 1);
    eventually(async || {
        gateway.get("/api/store/v1/x", "bad-1").await.expect(401);
        world.auth.asked("bad-1").len() == 2
    })
    .await;
}

#[tokio::test]
async fn many_bad_tokens_do_not_push_out_a_good_one() {
    let world = World::new().await;
    let limits = Limits { refused: 16, ..Limits::default() };
    let (gateway, _store) = world.gateway_with_store(limits).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    join_all((0..200).map(|n| {
        let client = gateway.client.clone();
        async move { client.get("/api/store/v1/x", &format!("bad-{n}")).await.expect(401) }
    }))
    .await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    assert_eq!(world.auth.asked("good-1").len(), 1);
    // The oldest refusals made room for later ones.
    gateway.get("/api/store/v1/x", "bad-0").await.expect(401);
    assert_eq!(world.auth.asked("bad-0").len(), 2);
}

#[tokio::test]
async fn an_entry_ends_before_its_jwt_does() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let first = gateway.arrived("/api/store/v1/x", "brief-1").await;
    // Its JWT lives six seconds, so the entry lives one.
    eventually(async || {
        let later = gateway.arrived("/api/store/v1/x", "brief-1").await;
        later.header("authorization") != first.header("authorization")
    })
    .await;
    assert_eq!(world.auth.asked("brief-1").len(), 2);
}
