//! How long a service may take, and what the caller learns when it does not answer.

use axum::Router;
use gateway::cache::Limits;
use gateway::config::discovery;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::services::{Instance, nobody};
use crate::world::{SOON, World, routes};

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_given_up() {
    let world = World::new().await;
    let store = Instance::start(Router::new().fallback(std::future::pending::<()>)).await;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, routes(|route| route.timeout = SOON), Limits::default()).await;
    let answer = gateway.get("/api/store/v1/x", "good-1").await.expect(504);
    assert_eq!(answer.code(), "upstream_timeout");
    assert_eq!((&answer.json()["source"], &answer.json()["service"]), (&"gateway".into(), &"store".into()));
}

#[tokio::test]
async fn a_service_that_nobody_runs_is_unavailable_for_now() {
    let world = World::new().await;
    let gateway = world.gateway(&format!("store={}", nobody())).await;
    for (path, code) in [("/api/store/v1/x", "unreachable"), ("/api/order/v1/x", "no_instance")] {
        let answer = gateway.get(path, "good-1").await.expect(503);
        assert_eq!(answer.code(), code);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.json()["source"], "gateway");
    }
}

// Answers every connection with `text` as it is, and closes.
async fn service_that_says(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_service_that_breaks_off_before_its_answer_is_a_bad_gateway() {
    let world = World::new().await;
    for text in ["", "HTTP/1.1 200 OK\r\nContent-", "this is no HTTP\r\n\r\n"] {
        let gateway = world.gateway(&format!("store={}", service_that_says(text).await)).await;
        let answer = gateway.get("/api/store/v1/x", "good-1").await.expect(502);
        assert_eq!(answer.code(), "bad_answer", "{text:?}");
    }
}

#[tokio::test]
async fn a_service_that_breaks_off_amid_its_answer_breaks_off_the_callers() {
    let world = World::new().await;
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let gateway = world.gateway(&format!("store={}", service_that_says(text).await)).await;
        let request = reqwest::Client::new().get(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.is_err(), "{text:?} looked complete");
    }
}
