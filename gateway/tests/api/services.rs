//! Small services: what they get, they tell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What arrived at a service.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arrived {
    /// Which instance it was.
    pub at: String,
    pub method: String,
    pub target: String,
    pub headers: BTreeMap<String, Vec<String>>,
    pub body: String,
}

impl Arrived {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let values = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert_eq!(values.len(), 1, "{name}");
        &values[0]
    }
}

/// Tells what arrived, in a response that says more about the inside than it should.
pub async fn echo(at: &str, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &head.headers {
        headers.entry(name.to_string()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let arrived = Arrived {
        at: at.to_owned(),
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let leaks = [
        ("server", "inside/1"),
        ("x-powered-by", "inside"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("set-cookie", "a=b"),
        ("location", "/v1/things/1"),
        ("x-request-id", "the-services-own"),
        ("etag", "\"1\""),
    ];
    (leaks, Json(arrived)).into_response()
}

/// A running instance.
pub struct Instance {
    pub address: String,
    serving: JoinHandle<Result<(), std::io::Error>>,
}

impl Instance {
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Self { address, serving: tokio::spawn(axum::serve(listener, router).into_future()) }
    }

    /// One that tells what arrived, and has a contract.
    pub async fn echo(name: &'static str) -> Self {
        let contract = json!({"openapi": "3.1.0", "info": {"title": name, "version": "1"}, "components":
            {"securitySchemes": {"oauth2": {"type": "oauth2", "flows": {"authorizationCode":
                {"authorizationUrl": "/auth/authorize", "tokenUrl": "/auth/token", "scopes": {}}}}}}});
        let router = Router::new().route("/openapi.json", get(|| async { Json(contract) }));
        Self::start(router.fallback(move |request: Request| echo(name, request))).await
    }

    /// No longer accepts connections.
    pub fn stop(&self) {
        self.serving.abort();
    }
}

/// An address where nobody listens, nor will as long as the tests run.
pub fn nobody() -> String {
    format!("http://127.0.0.1:{}", testkit::free_port().unwrap())
}

/// A service that waits to be let go before it answers, and knows how many requests are inside.
#[derive(Clone, Default)]
pub struct Hang(Arc<Hanging>);

#[derive(Default)]
struct Hanging {
    inside: AtomicUsize,
    arrived: AtomicUsize,
    over: CancellationToken,
}

struct Inside(Arc<Hanging>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hang {
    /// An instance of it.
    pub async fn instance(&self) -> Instance {
        let hanging = Arc::clone(&self.0);
        let handler = move || {
            hanging.inside.fetch_add(1, Ordering::SeqCst);
            hanging.arrived.fetch_add(1, Ordering::SeqCst);
            let inside = Inside(Arc::clone(&hanging));
            async move {
                inside.0.over.cancelled().await;
                "let go"
            }
        };
        Instance::start(Router::new().fallback(handler)).await
    }

    /// Requests that wait now.
    pub fn inside(&self) -> usize {
        self.0.inside.load(Ordering::SeqCst)
    }

    /// Requests that ever came.
    pub fn arrived(&self) -> usize {
        self.0.arrived.load(Ordering::SeqCst)
    }

    /// Answers all, those to come included.
    pub fn let_go(&self) {
        self.0.over.cancel();
    }
}

/// A service that gives these answers in turn, the last one for ever: `None` breaks off when it has the whole request.
/// The gateway's probes are never answered, and do not count.
pub struct Scripted {
    pub address: String,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub async fn start(answers: &'static [Option<&'static str>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut nth = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = whole_request(&mut stream).await;
                if request.starts_with("HEAD /openapi.json ") {
                    continue;
                }
                seen.lock().unwrap().push(request);
                if let Some(answer) = answers.get(nth).copied().unwrap_or(*answers.last().unwrap()) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                nth += 1;
            }
        });
        Self { address, requests }
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

// Reads until the head and as much of a body as it declares are there.
async fn whole_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return String::from_utf8_lossy(&read).into_owned();
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await.unwrap_or(0) {
            0 => return String::from_utf8_lossy(&read).into_owned(),
            some => read.extend_from_slice(&piece[..some]),
        }
    }
}

/// Answers of [`Scripted`] that close the connection.
pub const FINE: Option<&str> = Some("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine");
pub const FAILURE: Option<&str> =
    Some("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
pub const NOT_NOW: Option<&str> =
    Some("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
