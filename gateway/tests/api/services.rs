//! Small services: what they get, they tell.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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

/// An address where nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
