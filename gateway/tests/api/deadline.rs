//! How long the caller waits travels with the request.

use axum::Router;
use gateway::cache::Limits;
use gateway::config::discovery;
use reqwest::Method;
use testkit::eventually;

use crate::services::{Hang, Instance};
use crate::world::{Gateway, SOON, World, routes};

async fn ask(gateway: &Gateway, timeout: &str) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
    request.header("Request-Timeout-Ms", timeout).send().await.unwrap()
}

fn told(arrived: &crate::services::Arrived) -> u64 {
    arrived.header("request-timeout-ms").parse().unwrap()
}

#[tokio::test]
async fn the_service_is_told_what_is_left_and_never_more_than_the_route_allows() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let unasked = told(&gateway.arrived("/api/store/v1/x", "good-1").await);
    assert!((1..=15_000).contains(&unasked), "{unasked}");
    for (asked, most) in [("2000", 2_000), ("999999999", 15_000)] {
        let left = told(&ask(&gateway, asked).await.json().await.unwrap());
        assert!((1..=most).contains(&left), "{asked} became {left}");
    }
}

#[tokio::test]
async fn what_is_no_time_is_refused() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    for bad in ["0", "-1", "soon", "1.5", "99999999999"] {
        let answer = ask(&gateway, bad).await;
        assert_eq!(answer.status(), 400, "{bad}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["source"]), (&"bad_request_timeout".into(), &"gateway".into()));
    }
}

#[tokio::test]
async fn a_service_is_given_up_when_the_callers_time_is_over() {
    let world = World::new().await;
    let hang = Hang::default();
    let store = hang.instance().await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let answer = ask(&gateway, "100").await;
    assert_eq!(answer.status(), 504);
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "upstream_timeout");
    // The service is told, and does not go on for nobody.
    eventually(async || hang.inside() == 0).await;
}

#[tokio::test]
async fn callers_in_a_hurry_open_no_circuit_for_others() {
    let world = World::new().await;
    let router = Router::new().fallback(
        async |method: Method| {
            if method == Method::GET { "at once" } else { std::future::pending().await }
        },
    );
    let store = Instance::start(router).await;
    let policies = routes(|route| {
        route.timeout = SOON * 50;
        route.breaker.as_mut().unwrap().policy.calls = 2;
    });
    let gateway =
        world.gateway_with(discovery(&format!("store={}", store.address)).unwrap(), policies, Limits::default());
    let gateway = gateway.await;
    for _ in 0..5 {
        let hasty = reqwest::Client::new().delete(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
        let answer = hasty.header("Request-Timeout-Ms", "20").send().await.unwrap();
        assert_eq!(answer.status(), 504);
    }
}

#[tokio::test]
async fn it_ends_also_while_auth_is_asked_who_calls() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let request = gateway.client.request(http::Method::GET, "/api/store/v1/x", "held-1");
    let late = gateway.client.send(request.header("Request-Timeout-Ms", "200")).await.expect(504);
    assert_eq!(late.code(), "upstream_timeout");
    world.auth.let_go();
    gateway.get("/api/store/v1/x", "held-1").await.expect(200);
}
