//! One path, one meaning: what is authorized is what is forwarded.

use crate::raw;
use crate::services::{Arrived, Instance};
use crate::world::{Gateway, World};

async fn get(gateway: &Gateway, target: &str) -> String {
    let text = format!("GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n\r\n");
    raw::send(gateway.address(), &text).await
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_is_refused() {
    let world = World::new().await;
    let (store, order) = (Instance::echo("store").await, Instance::echo("order").await);
    let gateway = world.gateway(&format!("store={},order={}", store.address, order.address)).await;
    for target in [
        "/api/store/v1/../../order/v1/orders",
        "/api/store/v1/..",
        "/api/store/v1/./x",
        "/api/store/v1/%2e%2e/%2e%2e/order/v1/orders",
        "/api/store/v1/%2E./x",
        "/api/store/v1/..;/x",
        "/api/store/v1/%252e%252e/x",
        "/api/store/v1/a%2Fb",
        "/api/store/v1/a%5cb",
        "/api/store/v1/a\\b",
        "/api/store/v1/..%2f..%2forder",
        "/api/store/v1/%c0%ae%c0%ae/x",
        "/api/store/v1/x%00y",
        "/api/store/v1/x%0d%0aX-User:%20olga",
        "/api/store/v1/%zz",
        "/api/store/v1/%",
        "/api/store/v1//x",
        "//api/store/v1/x",
        "/api//store/v1/x",
        "/docs//../api/store/v1/x",
        "http://h/api/store/v1/x",
        "http://evil.example/api/store/v1/x",
    ] {
        let answer = get(&gateway, target).await;
        assert_eq!(raw::status(&answer), 400, "{target}: {answer}");
        // Some are refused before the gateway sees them.
        if answer.contains("problem+json") {
            assert!(answer.contains("\"source\":\"gateway\""), "{target}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_has_no_route_is_not_found_and_never_forwarded() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    for target in [
        "/api/store",
        "/api/store/",
        "/api/store/openapi.json",
        "/api/store/healthz",
        "/api/store/metrics",
        "/api/store/v2/x",
        "/api/gateway/v1/x",
        "/API/store/v1/x",
        "/healthz",
        "/readyz",
        "/metrics",
        "/auth",
        "/docs/nothing.js",
        "/docs/contracts/nothing.json",
        "/favicon.ico",
    ] {
        let answer = get(&gateway, target).await;
        assert_eq!(raw::status(&answer), 404, "{target}: {answer}");
        assert!(answer.contains("\"source\":\"gateway\""), "{target}: {answer}");
    }
}

#[tokio::test]
async fn a_path_arrives_in_its_one_spelling_with_its_query_untouched() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    for (sent, arrives) in [
        ("/api/store/v1/products/A-1", "/v1/products/A-1"),
        ("/%61pi/store/v1/%70roducts", "/v1/products"),
        ("/api/store/v1/caf%c3%a9?q=%2e%2e%2f&a=//b", "/v1/caf%C3%A9?q=%2e%2e%2f&a=//b"),
        ("/api/store/v1/x?", "/v1/x?"),
    ] {
        let answer = get(&gateway, sent).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        let json = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
        assert_eq!(serde_json::from_str::<Arrived>(json).unwrap().target, arrives);
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_refused() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let answer = get(&gateway, &format!("/api/store/v1/x?{}", "a".repeat(9_000))).await;
    assert_eq!(raw::status(&answer), 414, "{answer}");
}

#[tokio::test]
async fn methods_that_are_for_proxies_are_refused() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let answer = raw::send(gateway.address(), "TRACE /api/store/v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(raw::status(&answer.await), 405);
    let answer = raw::send(gateway.address(), "CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n");
    assert!((400..500).contains(&raw::status(&answer.await)));
}
