//! What crosses the gateway, seen from both sides.

use http::Method;
use testkit::NOBODY;
use uuid::Uuid;

use crate::raw;
use crate::services::{Arrived, Instance, Scripted};
use crate::world::World;

#[tokio::test]
async fn identity_and_hop_headers_from_outside_do_not_reach_a_service() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let request = gateway
        .client
        .request(Method::GET, "/api/store/v1/x", "good-1")
        .header("X-User-Id", "olga")
        .header("X_User_Id", "olga")
        .header("X-Roles", "operator")
        .header("X-Client-Id", "order")
        .header("X-Auth-Subject", "olga")
        .header("X-Forwarded-User", "olga")
        .header("X-Forwarded-For", "6.6.6.6")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "gopher")
        .header("Forwarded", "for=6.6.6.6")
        .header("Cookie", "session=1")
        .header("Connection", "x-mine")
        .header("X-Mine", "1")
        .header("TE", "trailers")
        .header("Accept-Language", "de");
    let arrived: Arrived = gateway.client.send(request).await.expect(200).read();

    for gone in [
        "x-user-id",
        "x_user_id",
        "x-roles",
        "x-client-id",
        "x-auth-subject",
        "x-forwarded-user",
        "forwarded",
        "cookie",
        "x-mine",
        "te",
        "connection",
    ] {
        assert!(!arrived.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(arrived.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(arrived.header("x-forwarded-host"), "shop.example");
    assert_eq!(arrived.header("x-forwarded-proto"), "https");
    assert_eq!(arrived.header("accept-language"), "de");
    assert_eq!(format!("http://{}", arrived.header("host")), store.address);
}

#[tokio::test]
async fn an_answer_says_nothing_about_the_inside() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let answer = gateway.get("/api/store/v1/x", "good-1").await.expect(200);
    for gone in ["server", "x-powered-by", "x-hop", "keep-alive", "set-cookie", "connection"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("location"), Some("/api/store/v1/things/1"));
}

#[tokio::test]
async fn how_a_service_speaks_http_is_between_it_and_the_gateway() {
    let world = World::new().await;
    let store = Scripted::start(&[Some("HTTP/1.0 200 Wonderful\r\ncontent-length: 2\r\n\r\nok")]).await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let request =
        "GET /api/store/v1/x HTTP/1.1\r\nhost: h\r\nauthorization: Bearer good-1\r\nconnection: close\r\n\r\n";
    let answer = raw::send(gateway.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn auth_gets_and_gives_everything_that_a_login_needs() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let request = gateway
        .client
        .request(Method::POST, "/auth/login?next=%2F", "")
        .header("Host", "shop.example")
        .header("Origin", "https://shop.example")
        .header("Cookie", "session=1")
        .header("Authorization", "Basic YTpi")
        .header("X-Forwarded-For", "6.6.6.6")
        .body("name=alice");
    let answer = gateway.client.send(request).await.expect(200);
    let arrived: Arrived = answer.read();

    assert_eq!((arrived.method.as_str(), arrived.target.as_str()), ("POST", "/auth/login?next=%2F"));
    assert_eq!(arrived.header("host"), "shop.example");
    assert_eq!(arrived.header("origin"), "https://shop.example");
    assert_eq!(arrived.header("cookie"), "session=1");
    assert_eq!(arrived.header("authorization"), "Basic YTpi");
    assert_eq!(arrived.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(arrived.body, "name=alice");
    assert_eq!(answer.header("set-cookie"), Some("a=b"));
    assert_eq!(answer.header("location"), Some("/v1/things/1"));
    assert_eq!(answer.header("server"), None);
}

#[tokio::test]
async fn an_answer_that_is_framed_in_two_ways_or_switches_protocols_does_not_pass_as_such() {
    const BOTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    const OTHER: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let world = World::new().await;
    for (answers, status, body) in [(&[Some(BOTH)], 200, "ok"), (&[Some(OTHER)], 502, "bad_answer")] {
        let store = Scripted::start(answers).await;
        let gateway = world.gateway(&format!("store={}", store.address)).await;
        let answer = gateway.get("/api/store/v1/x", "good-1").await.expect(status);
        assert!(answer.body.contains(body), "{answer:?}");
        assert!(answer.header("content-length").is_none_or(|length| length == answer.body.len().to_string()));
    }
}

#[tokio::test]
async fn cookies_that_come_apart_over_http2_are_one_header_behind_it() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let browser = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let request = browser.get(format!("{}/auth/login", gateway.url)).header("cookie", "a=1").header("cookie", "b=2");
    let arrived: Arrived = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(arrived.header("cookie"), "a=1; b=2");
}

#[tokio::test]
async fn a_request_id_is_kept_or_made_and_comes_back() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;

    let request = gateway.client.request(Method::GET, "/api/store/v1/x", "good-1").header("X-Request-Id", "mine-1");
    let answer = gateway.client.send(request).await.expect(200);
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.read::<Arrived>().header("x-request-id"), "mine-1");

    let request = gateway.client.request(Method::GET, "/api/store/v1/x", "good-1").header("X-Request-Id", "not one");
    let answer = gateway.client.send(request).await.expect(200);
    let made = answer.header("x-request-id").unwrap();
    assert!(Uuid::parse_str(made).is_ok(), "{made}");
    assert_eq!(answer.read::<Arrived>().header("x-request-id"), made);

    let refused = gateway.get("/api/store/v1/x", NOBODY).await.expect(401);
    assert!(refused.header("x-request-id").is_some());
}

#[tokio::test]
async fn a_trace_is_continued_or_begun() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;

    let theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = gateway.client.request(Method::GET, "/api/store/v1/x", "good-1").header("traceparent", theirs);
    let arrived: Arrived = gateway.client.send(request).await.expect(200).read();
    let (prefix, _) = theirs.split_at(36);
    assert!(arrived.header("traceparent").starts_with(prefix), "{}", arrived.header("traceparent"));

    let begun = gateway.arrived("/api/store/v1/x", "good-1").await.header("traceparent").to_owned();
    assert_eq!(begun.len(), 55, "{begun}");
    assert!(!begun.starts_with(prefix));
}

#[tokio::test]
async fn a_request_for_two_hosts_or_none_is_refused() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    for hosts in ["Host: a\r\nHost: b\r\n", ""] {
        let text = format!("GET /auth/x HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = raw::send(gateway.address(), &text).await;
        assert_eq!(raw::status(&answer), 400, "{answer}");
    }
}
