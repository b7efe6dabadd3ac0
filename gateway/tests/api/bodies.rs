//! How much a caller may send, and how slowly.

use std::time::Instant;

use axum::Router;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::policies::Policies;
use http::Method;
use tokio::io::AsyncWriteExt;

use crate::raw;
use crate::services::{Arrived, Instance};
use crate::world::{Gateway, SOON, World, routes};

const LIMIT: usize = 1_000;

async fn gateway(world: &World) -> Gateway {
    let store = Instance::echo("store").await;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let routes = routes(|route| (route.body_limit, route.pause) = (LIMIT, SOON));
    world.gateway_with(setting, routes, Limits::default()).await
}

#[tokio::test]
async fn a_body_arrives_as_it_was_sent_up_to_the_limit() {
    let world = World::new().await;
    let gateway = gateway(&world).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = gateway.client.request(method, "/api/store/v1/x", "good-1").body("x".repeat(LIMIT));
        let arrived: Arrived = gateway.client.send(request).await.expect(200).read();
        assert_eq!(arrived.body.len(), LIMIT);
        assert_eq!(arrived.header("content-length"), "1000");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_unread() {
    let world = World::new().await;
    let gateway = gateway(&world).await;
    let head = "POST /api/store/v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n";
    let answer = raw::send(gateway.address(), &format!("{head}Content-Length: 1001\r\n\r\n")).await;
    assert_eq!(raw::status(&answer), 413, "{answer}");
    assert!(answer.contains("body_too_large") && answer.contains("\"limit_bytes\":1000"), "{answer}");
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused() {
    let world = World::new().await;
    let gateway = gateway(&world).await;
    let head = "POST /api/store/v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n";
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let text = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n");
    let answer = raw::send(gateway.address(), &text).await;
    assert_eq!(raw::status(&answer), 413, "{answer}");
    assert!(answer.contains("\"source\":\"gateway\""), "{answer}");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let world = World::new().await;
    let gateway = gateway(&world).await;
    let head =
        "POST /api/store/v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\nContent-Length: 100\r\n\r\n";
    let began = Instant::now();
    let mut stream = raw::open(gateway.address(), head).await;
    stream.write_all(b"only this").await.unwrap();
    let answer = raw::rest(stream).await;
    assert_eq!(raw::status(&answer), 408, "{answer}");
    assert!(began.elapsed() < Policies::standard().routes[0].timeout / 2, "only the whole request's time ended it");
}

#[tokio::test]
async fn a_body_with_two_lengths_or_a_length_and_chunks_is_not_forwarded_as_such() {
    let world = World::new().await;
    let store = Instance::start(Router::new().fallback(|body: String| async { body })).await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let head = "POST /api/store/v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n";
    let two = format!("{head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde");
    assert_eq!(raw::status(&raw::send(gateway.address(), &two).await), 400);
    // RFC 9112 §6.3: the chunks count, and the length does not go on.
    let both = format!("{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
    let answer = raw::send(gateway.address(), &both).await;
    assert!(raw::status(&answer) == 400 || answer.ends_with("abcde"), "{answer}");
}
