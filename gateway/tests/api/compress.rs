//! What is made smaller on the way, and what is not.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Method};
use reqwest::Response;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::services::Instance;
use crate::world::{Gateway, World};

const SMALL: &str = "{}";

fn large() -> String {
    format!("[{}1]", "\"again and again\",".repeat(500))
}

/// A service that answers with the headers that the request asks for in `x-say`, with a large body unless told.
async fn world() -> (World, Gateway, Instance) {
    let world = World::new().await;
    let answer = |request: Request| async move {
        let mut response = if request.uri().path() == "/v1/small" { SMALL.to_owned() } else { large() }.into_response();
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        if let Some(seen) = request.headers().get("if-match") {
            response.headers_mut().insert("x-seen", seen.clone());
        }
        for said in request.headers().get_all("x-say") {
            let (name, value) = said.to_str().unwrap().split_once(": ").unwrap();
            response.headers_mut().insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        assert!(!request.headers().contains_key("accept-encoding"));
        response
    };
    let store = Instance::start(Router::new().fallback(answer)).await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    (world, gateway, store)
}

async fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = reqwest::Client::new().get(format!("{}/api/store/v1/{path}", gateway.url)).bearer_auth("good-1");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

async fn text(mut decoder: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    decoder.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn an_answer_is_compressed_as_the_caller_can_undo_it() {
    let (_world, gateway, _store) = world().await;
    for (accepted, encoding) in [
        ("gzip", "gzip"),
        ("br;q=0.5, zstd", "zstd"),
        ("gzip;q=0.1, br", "br"),
        ("deflate, gzip;q=0", ""),
        ("identity", ""),
        ("identity;q=0, *;q=0", ""),
    ] {
        let answer = get(&gateway, "x", &[("accept-encoding", accepted), ("x-say", "etag: \"7\"")]).await;
        assert_eq!(answer.status(), 200, "{accepted}");
        let headers = answer.headers().clone();
        assert_eq!(headers.get("content-encoding").map_or("", |it| it.to_str().unwrap()), encoding, "{accepted}");
        assert!(headers.get_all("vary").iter().any(|vary| vary == "accept-encoding"), "{accepted}");
        assert_eq!(headers["etag"], if encoding.is_empty() { "\"7\"" } else { "W/\"7\"" });
        let body = answer.bytes().await.unwrap();
        let undone = match encoding {
            "gzip" => text(GzipDecoder::new(&body[..])).await,
            "zstd" => text(ZstdDecoder::new(&body[..])).await,
            "br" => text(BrotliDecoder::new(&body[..])).await,
            _ => String::from_utf8(body.to_vec()).unwrap(),
        };
        assert_eq!(undone, large(), "{accepted}");
        assert!(encoding.is_empty() || body.len() < large().len() / 10);
    }
}

#[tokio::test]
async fn head_is_told_what_get_would_be() {
    let (_world, gateway, _store) = world().await;
    for path in ["x", "small"] {
        let headers = [("accept-encoding", "gzip"), ("x-say", "etag: \"7\"")];
        let whole = get(&gateway, path, &headers).await;
        let head = reqwest::Client::new().head(format!("{}/api/store/v1/{path}", gateway.url)).bearer_auth("good-1");
        let head = headers.iter().fold(head, |head, (name, value)| head.header(*name, *value)).send().await.unwrap();
        for name in ["content-type", "content-length", "content-encoding", "etag", "vary"] {
            assert_eq!(head.headers().get(name), whole.headers().get(name), "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn what_is_small_encoded_already_or_not_to_be_touched_stays_as_it_is() {
    let (_world, gateway, _store) = world().await;
    for (path, said) in [
        ("small", "x-y: 1"),
        ("x", "content-encoding: br"),
        ("x", "content-range: bytes 0-1/9"),
        ("x", "cache-control: public, No-Transform"),
        ("x", "content-type: image/png"),
        ("x", "content-type: text/event-stream"),
    ] {
        let answer = get(&gateway, path, &[("accept-encoding", "gzip"), ("x-say", said)]).await;
        assert_ne!(answer.headers().get("content-encoding"), Some(&HeaderValue::from_static("gzip")), "{said}");
        assert_eq!(answer.text().await.unwrap(), if path == "small" { SMALL.to_owned() } else { large() }, "{said}");
    }
}

#[tokio::test]
async fn a_tag_that_was_made_weak_here_still_guards_an_edit() {
    let (_world, gateway, _store) = world().await;
    let request = gateway.client.request(Method::PUT, "/api/store/v1/x", "good-1").header("if-match", "W/\"7\"");
    assert_eq!(gateway.client.send(request).await.expect(200).header("x-seen"), Some("\"7\""));
}

#[tokio::test]
async fn who_knows_an_answer_by_a_weak_tag_is_told_by_it_that_it_is_still_right() {
    let world = World::new().await;
    let answer = || async { (http::StatusCode::NOT_MODIFIED, [("etag", "\"7\"")]) };
    let store = Instance::start(Router::new().fallback(answer)).await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    for (known, told) in [("W/\"7\"", "W/\"7\""), ("\"7\"", "\"7\"")] {
        let answer = get(&gateway, "x", &[("if-none-match", known)]).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()), (304, told));
    }
}
