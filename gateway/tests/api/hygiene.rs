//! Requests that no honest caller sends: refused or closed, and the service never hears of them.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    raw,
    world::{Gateway, World},
};

/// A service that keeps every byte, and answers each piece with an empty 200.
struct Recorder {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let record = Arc::clone(&record);
                tokio::spawn(async move {
                    let mut piece = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut piece).await {
                        record.lock().unwrap().extend_from_slice(&piece[..length]);
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                });
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

async fn recorded(world: &World) -> (Recorder, Gateway) {
    let store = Recorder::start().await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    (store, gateway)
}

const GET: &str = "GET /api/store/v1/x HTTP/1.1\r\n";
const POST: &str = "POST /api/store/v1/x HTTP/1.1\r\n";
const GOOD: &str = "Host: h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn get(headers: &str) -> String {
    format!("{GET}{GOOD}{headers}\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!("{POST}{GOOD}{headers}\r\n{body}")
}

fn target(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{GOOD}\r\n")
}

fn framing() -> Vec<String> {
    let chunks = "5\r\nabcde\r\n0\r\n\r\n";
    vec![
        post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef"),
        post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"),
        post("Content-Length: 5, 5\r\n", "abcde"),
        post("Content-Length: 5, 6\r\n", "abcdef"),
        post("Content-Length: -5\r\n", "abcde"),
        post("Content-Length: +5\r\n", "abcde"),
        post("Content-Length: 5a\r\n", "abcde"),
        post("Content-Length: 0x5\r\n", "abcde"),
        post("Content-Length:\r\n", ""),
        post("Content-Length : 5\r\n", "abcde"),
        post("Content-Length: 18446744073709551617\r\n", "a"),
        post(&format!("Content-Length: 5\r\n{CHUNKED}"), chunks),
        post(&format!("{CHUNKED}Content-Length: 5\r\n"), chunks),
        post(&format!("{CHUNKED}{CHUNKED}"), chunks),
        post("Transfer-Encoding: gzip, chunked\r\n", chunks),
        post("Transfer-Encoding: chunked, gzip\r\n", chunks),
        post("Transfer-Encoding: identity\r\n", ""),
        post("Transfer-Encoding: xchunked\r\n", chunks),
        post("Transfer-Encoding: \"chunked\"\r\n", chunks),
        post("Transfer-Encoding:\u{b}chunked\r\n", chunks),
        post("Transfer-Encoding : chunked\r\n", chunks),
        post("Transfer\u{2010}Encoding: chunked\r\n", chunks),
        post("X: y\r\n Transfer-Encoding: chunked\r\n", chunks),
        post("X: y\nTransfer-Encoding: chunked\r\n", chunks),
        post("X: y\rTransfer-Encoding: chunked\r\n", chunks),
        format!("POST /api/store/v1/x HTTP/1.0\r\n{GOOD}{CHUNKED}\r\n{chunks}"),
    ]
}

fn chunks() -> Vec<String> {
    [
        "zz\r\nabcde\r\n",
        "\r\n",
        "-5\r\nabcde\r\n",
        "5 \r\nabcde\r\n",
        "5\nabcde\r\n",
        "0x5\r\nabcde\r\n",
        "fffffffffffffffff\r\na\r\n",
    ]
    .map(|chunks| post(CHUNKED, &format!("{chunks}0\r\n\r\n")))
    .into()
}

fn headers() -> Vec<String> {
    let many = (0..500).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    vec![
        get("X: a\r\n b\r\n"),
        get("X: a\r\n\tb\r\n"),
        get("X: a\nY: b\r\n"),
        get("X: a\rY: b\r\n"),
        get("X: a\0b\r\n"),
        get("X\0: a\r\n"),
        get("X: a\u{7f}b\r\n"),
        get("X Y: a\r\n"),
        get(" X: a\r\n"),
        get("X : a\r\n"),
        get(": a\r\n"),
        get("no colon\r\n"),
        get(&many),
        get(&format!("X: {}\r\n", "y".repeat(40_000))),
        get(&format!("{}: y\r\n", "x".repeat(70_000))),
        get("Upgrade: websocket\r\n"),
        format!("{GET}Host: a\r\nHost: b\r\n{GOOD}\r\n"),
        format!("{GET}Authorization: Bearer good-1\r\nConnection: close\r\n\r\n"),
        format!("{GET}Host: h/../x\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n\r\n"),
        format!("{GET}Host: user@h\r\nAuthorization: Bearer good-1\r\nConnection: close\r\n\r\n"),
    ]
}

fn request_lines() -> Vec<String> {
    let mut requests: Vec<_> = [
        "http://h/api/store/v1/x",
        "h:80",
        "*",
        "api/store/v1/x",
        "/api/store/v1/../x",
        "/api/store/v1/%2e%2e/x",
        "/api/store/v1/.%2e/x",
        "/api/store/v1/a%2fb",
        "/api/store/v1/a%5Cb",
        "/api/store/v1//x",
        "/api/store/v1/x%00",
        "/api/store/v1/x%0d%0aX:%20y",
        "/api/store/v1/%252e%252e/x",
        "/api/store/v1/x#y",
        "/api/store/v1/x y",
        "/api/store/v1/\u{e9}",
        "/api/store/v1/\0",
        "",
    ]
    .map(target)
    .into();
    requests.push(target(&format!("/api/store/v1/{}", "x".repeat(9_000))));
    requests.push(target(&format!("/api/store/v1/{}", "x".repeat(70_000))));
    for line in [
        "GET /api/store/v1/x HTTP/1.1\n",
        "GET  /api/store/v1/x HTTP/1.1\r\n",
        "GET\t/api/store/v1/x HTTP/1.1\r\n",
        "GET /api/store/v1/x HTTP/1.1 \r\n",
        "GET /api/store/v1/x HTTP/1.2\r\n",
        "GET /api/store/v1/x HTTP/2.0\r\n",
        "GET /api/store/v1/x\r\n",
        "G\u{e9}T /api/store/v1/x HTTP/1.1\r\n",
        "TRACE /api/store/v1/x HTTP/1.1\r\n",
        "CONNECT store:80 HTTP/1.1\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n",
        "PRI * HTTP/1.1\r\n",
    ] {
        requests.push(format!("{line}{GOOD}\r\n"));
    }
    requests
}

#[tokio::test]
async fn what_no_honest_caller_sends_is_refused_and_never_forwarded() {
    let world = World::new().await;
    let (store, gateway) = recorded(&world).await;
    let bad = [framing(), chunks(), headers(), request_lines()].concat();
    assert!(bad.len() >= 40);
    for request in &bad {
        let answer = raw::send(gateway.address(), request).await;
        let refused = answer.is_empty() || (400..500).contains(&raw::status(&answer));
        assert!(refused, "{request:?} was answered {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{request:?}: {answer:?}");
        assert_eq!(store.heard(), "", "{request:?} was forwarded");
    }
    assert_eq!(raw::status(&raw::send(gateway.address(), &get("")).await), 200);
    assert!(store.heard().starts_with("GET /v1/x HTTP/1.1\r\n"), "the recorder hears nothing at all");
}

#[tokio::test]
async fn the_gateways_own_pages_are_told_to_nobody_else_either() {
    let world = World::new().await;
    let (_store, gateway) = recorded(&world).await;
    for path in ["/", "/docs/", "/status", "/nothing", "/api/shop/v1/products/MUG-BLUE/page"] {
        for head in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: h\r\nUpgrade: websocket\r\n"] {
            let request = format!("GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
            let answer = raw::send(gateway.address(), &request).await;
            assert_eq!(raw::status(&answer), 400, "{request:?} was answered {answer:?}");
        }
    }
    assert_eq!(raw::status(&raw::send(gateway.address(), "GET / HTTP/1.0\r\n\r\n").await), 200);
}

#[tokio::test]
async fn what_comes_before_a_bad_request_is_answered_and_what_comes_after_it_is_not() {
    let world = World::new().await;
    let (store, gateway) = recorded(&world).await;
    let good =
        |name: &str| format!("GET /api/store/v1/{name} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\n\r\n");
    let smuggled = post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{}", good("after")));
    let answers = raw::send(gateway.address(), &format!("{}{smuggled}", good("before"))).await;
    let statuses: Vec<_> = answers.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 2, "{answers}");
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("HTTP/1.1 400 "), "{answers}");
    assert_eq!(store.heard().matches("HTTP/1.1").count(), 1, "{}", store.heard());
    assert!(store.heard().starts_with("GET /v1/before "));
}

#[tokio::test]
async fn requests_one_after_the_other_are_each_their_own() {
    let world = World::new().await;
    let (store, gateway) = recorded(&world).await;
    let body = "GET /api/store/v1/inner HTTP/1.1\r\nHost: h\r\n\r\n";
    let outer = format!(
        "{POST}Host: h\r\nAuthorization: Bearer good-1\r\nContent-Length: {}\r\n\r\n{body}{}",
        body.len(),
        get("")
    );
    let answers = raw::send(gateway.address(), &outer).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
    assert!(!store.heard().contains("GET /v1/inner"), "{}", store.heard());
}
