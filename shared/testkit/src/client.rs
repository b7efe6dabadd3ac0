//! Requests as a test writes them.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use reqwest::RequestBuilder;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Contract;

/// The token of a request that carries none.
pub const NOBODY: &str = "";

/// Asks one service. Follows no redirects.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    contract: Option<Arc<Contract>>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Client {
    /// A client for paths below `base`, e.g. `http://127.0.0.1:1234`.
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Self { base: base.to_owned(), http: http.expect("the TLS backend is built in"), contract: None }
    }

    /// The same, but every answer must fit the contract, or the test panics.
    #[must_use]
    pub fn held_to(self, contract: Contract) -> Self {
        Self { contract: Some(Arc::new(contract)), ..self }
    }

    /// `GET path` as the bearer of `token` ([`NOBODY`]: no token).
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::GET, path, token)).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::DELETE, path, token)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        self.send(self.request(Method::POST, path, token).json(body)).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        self.send(self.request(Method::PUT, path, token).json(body)).await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        self.send(self.request(Method::PATCH, path, token).json(body)).await
    }

    /// A request to be completed, e.g. with a header, and then given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if token == NOBODY { request } else { request.bearer_auth(token) }
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let (client, request) = request.build_split();
        let request = request.unwrap_or_else(|error| panic!("a request that cannot be built: {error}"));
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let answer = Answer { status, headers, body };
        if let Some(contract) = &self.contract {
            contract.check_answer(method.as_str(), &path, &answer);
        }
        answer
    }
}

impl Answer {
    /// The body as JSON. Panics with the whole answer if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.read()
    }

    /// The body as a `T`.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Panics with the whole answer unless the status is `status`. Answers itself, to be read on.
    // Often the status is all that a test wants to know.
    #[allow(clippy::return_self_not_must_use)]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} {}", self.status, self.body);
        self
    }

    /// `code` of a problem.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}")).to_owned()
    }

    /// The value of a header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
