//! JSON, XML and CBOR, whole and in part.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use futures::StreamExt;
use gateway::cache::Limits;
use gateway::config::discovery;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use testkit::Answer;

use crate::services::Instance;
use crate::world::{Gateway, SOON, World, routes};

const PRODUCTS: &str = "/api/store/v1/products";

fn products() -> Value {
    json!({"items": [{"sku": "A", "price": {"amount": 1490, "currency": "EUR"}, "withdrawn": false}], "next": "n&m"})
}

/// A service that lists products, repeats what it was sent, and has no third thing.
async fn world() -> (World, Gateway, Instance) {
    let world = World::new().await;
    let answer = |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let mut response = match (&head.method, head.uri.path()) {
            (&Method::GET | &Method::HEAD, "/v1/products") => axum::Json(products()).into_response(),
            (&Method::GET, "/v1/fixed") => {
                ([("cache-control", "no-transform")], axum::Json(products())).into_response()
            }
            (&Method::GET, "/v1/part") => {
                (StatusCode::PARTIAL_CONTENT, [("content-range", "bytes 0-9/99")], axum::Json(products()))
                    .into_response()
            }
            (&Method::GET, "/v1/endless") => {
                let begun = futures::stream::iter([Ok::<_, Infallible>(&b"{\"a\":"[..])]);
                let body = Body::from_stream(begun.chain(futures::stream::pending()));
                ([("content-type", "application/json"), ("content-length", "99")], body).into_response()
            }
            (&Method::GET, "/v1/picture") => ([("content-type", "image/png")], "x").into_response(),
            (&Method::GET, _) => web::Problem::not_found("nothing", "Nothing is here").into_response(),
            _ => ([("content-type", head.headers["content-type"].clone())], body).into_response(),
        };
        response.headers_mut().insert("etag", HeaderValue::from_static("\"7\""));
        response.headers_mut().insert("x-target", head.uri.to_string().parse().unwrap());
        response
    };
    let store = Instance::start(Router::new().fallback(answer)).await;
    let quick = routes(|route| route.pause = 10 * SOON);
    let places = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(places, quick, Limits::default()).await;
    (world, gateway, store)
}

async fn ask(gateway: &Gateway, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let request = gateway.client.request(method, path, "good-1").body(body);
    gateway.client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

async fn get(gateway: &Gateway, path: &str, accept: &str) -> Answer {
    ask(gateway, Method::GET, path, &[("accept", accept)], Vec::new()).await
}

#[tokio::test]
async fn an_answer_comes_in_the_format_that_is_asked_for() {
    let (_world, gateway, _store) = world().await;
    let json = get(&gateway, PRODUCTS, "*/*").await.expect(200);
    assert_eq!((json.json(), json.header("etag"), json.header("vary")), (products(), Some("\"7\""), Some("accept")));
    let xml = get(&gateway, PRODUCTS, "application/xml").await.expect(200);
    assert_eq!((xml.header("content-type"), xml.header("etag")), (Some("application/xml"), Some("W/\"7\"")));
    assert_eq!(
        xml.body.lines().nth(1).unwrap(),
        "<data type=\"object\"><items type=\"array\"><item type=\"object\"><sku>A</sku><price type=\"object\">\
         <amount type=\"number\">1490</amount><currency>EUR</currency></price>\
         <withdrawn type=\"boolean\">false</withdrawn></item></items><next>n&amp;m</next></data>"
    );
    let request = gateway.client.request(Method::GET, PRODUCTS, "good-1").header("accept", "application/cbor");
    let cbor = request.send().await.unwrap();
    assert_eq!(cbor.headers()["content-type"], "application/cbor");
    assert_eq!(ciborium::from_reader::<Value, _>(&cbor.bytes().await.unwrap()[..]).unwrap(), products());
}

#[tokio::test]
async fn head_is_told_what_get_would_be() {
    let (_world, gateway, _store) = world().await;
    for (path, accept) in [(PRODUCTS.to_owned(), "application/xml"), (format!("{PRODUCTS}?fields=next"), "*/*")] {
        let accept = [("accept", accept)];
        let get = ask(&gateway, Method::GET, &path, &accept, vec![]).await.expect(200);
        let head = ask(&gateway, Method::HEAD, &path, &accept, vec![]).await.expect(200);
        for name in ["content-type", "etag", "vary"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        // How long it would be is not known before it is written.
        assert_eq!((head.header("content-length"), head.body.as_str()), (None, ""));
    }
}

#[tokio::test]
async fn parts_and_what_is_not_to_be_touched_stay_as_they_are() {
    let (_world, gateway, _store) = world().await;
    for (path, status) in [("/api/store/v1/part", 206), ("/api/store/v1/fixed", 200)] {
        for (path, accept) in [(path.to_owned(), "application/xml"), (format!("{path}?fields=next"), "*/*")] {
            let answer = get(&gateway, &path, accept).await.expect(status);
            assert_eq!((answer.json(), answer.header("etag")), (products(), Some("\"7\"")), "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_written_anew_comes_within_the_callers_time() {
    let (_world, gateway, _store) = world().await;
    let hurry = [("accept", "application/xml"), ("request-timeout-ms", "200")];
    let answer = ask(&gateway, Method::GET, "/api/store/v1/endless", &hurry, vec![]).await;
    assert_eq!(answer.expect(504).code(), "upstream_timeout");
}

#[tokio::test]
async fn what_is_not_spoken_is_refused_before_it_matters_and_not_after() {
    let (_world, gateway, _store) = world().await;
    assert_eq!(get(&gateway, PRODUCTS, "text/html").await.expect(406).code(), "not_acceptable");
    // It is done, whatever its caller understands.
    let json = [("accept", "text/html"), ("content-type", "application/json")];
    assert_eq!(ask(&gateway, Method::POST, PRODUCTS, &json, b"{}".to_vec()).await.expect(200).body, "{}");
    // What is no data has no other format.
    assert_eq!(get(&gateway, "/api/store/v1/picture", "text/html").await.expect(200).body, "x");
}

#[tokio::test]
async fn problems_come_in_the_same_format() {
    let (_world, gateway, _store) = world().await;
    for (path, token, status, code) in
        [("/api/store/v1/x", "good-1", 404, "nothing"), (PRODUCTS, "bad-1", 401, "invalid_token")]
    {
        let request = gateway.client.request(Method::GET, path, token).header("accept", "application/xml");
        let answer = gateway.client.send(request).await.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+xml"));
        assert!(answer.body.contains(&format!("<code>{code}</code>")), "{}", answer.body);
    }
    assert_eq!(get(&gateway, "/api/store/v1/x", "text/event-stream").await.expect(404).code(), "nothing");
}

#[tokio::test]
async fn a_body_reaches_the_service_as_json() {
    let (_world, gateway, _store) = world().await;
    let sent = json!({"name": "Mug", "price": 1490});
    let xml = b"<product><name>Mug</name><price type='number'>1490</price></product>".to_vec();
    let mut cbor = Vec::new();
    ciborium::into_writer(&sent, &mut cbor).unwrap();
    for (media_type, body) in [("application/xml; charset=utf-8", xml), ("application/cbor", cbor)] {
        let answer = ask(&gateway, Method::POST, PRODUCTS, &[("content-type", media_type)], body).await.expect(200);
        assert_eq!((answer.header("content-type"), answer.json()), (Some("application/json"), sent.clone()));
    }
    for (media_type, body) in [
        ("application/xml", &b"<a>"[..]),
        ("text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
        ("application/xml", b"<a><b>1</b><b>2</b></a>"),
        ("application/cbor", b"\xff"),
        ("application/xml", b"<a><b type='null'><c>1</c></b></a>"),
        ("application/cbor", b"\x01\x02"),
        ("application/cbor", b"\xa2\x61a\x01\x61a\x02"),
        ("application/cbor", b"\xa1\x61a\xf9\x7e\x00"),
    ] {
        let answer = ask(&gateway, Method::POST, PRODUCTS, &[("content-type", media_type)], body.to_vec()).await;
        assert_eq!(answer.expect(400).code(), "malformed_body");
    }
    let large = format!("<a>{}</a>", "x".repeat(1024 * 1024)).into_bytes();
    let answer = ask(&gateway, Method::POST, PRODUCTS, &[("content-type", "application/xml")], large).await;
    assert_eq!(answer.expect(413).code(), "body_too_large");
}

#[tokio::test]
async fn a_thin_client_gets_the_fields_that_it_names() {
    let (_world, gateway, _store) = world().await;
    let path = format!("{PRODUCTS}?limit=5&fields=items.sku,items.price.amount&sort=name");
    let answer = get(&gateway, &path, "*/*").await.expect(200);
    assert_eq!(answer.json(), json!({"items": [{"sku": "A", "price": {"amount": 1490}}]}));
    assert_eq!(answer.header("x-target"), Some("/v1/products?limit=5&sort=name"));
    let answer = get(&gateway, &format!("{PRODUCTS}?fields=next"), "application/xml").await.expect(200);
    assert!(answer.body.ends_with("<data type=\"object\"><next>n&amp;m</next></data>"), "{}", answer.body);
    assert_eq!(get(&gateway, &format!("{PRODUCTS}?fields=a..b"), "*/*").await.expect(400).code(), "bad_fields");
    // A problem is told whole.
    assert_eq!(get(&gateway, "/api/store/v1/x?fields=sku", "*/*").await.expect(404).code(), "nothing");
}
