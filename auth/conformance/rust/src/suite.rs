//! What a script of `cargo retail conformance` does: hear of the world, say what was checked, ask for the browser.

use std::{
    io::{BufRead, stdin},
    sync::LazyLock,
};

use anyhow::{Context, Result};
use openidconnect::{HttpRequest, HttpResponse};
use reqwest::{Client, Url, redirect::Policy};
use serde_json::{Value, json};

pub const REDIRECT: &str = "http://127.0.0.1/callback";

/// Issuer, clients and users of the running suite.
pub struct Suite(Value);

impl Suite {
    pub fn hear() -> Result<Self> {
        Ok(Self(hear()?))
    }

    /// The text at a JSON pointer; empty if there is none.
    pub fn text(&self, pointer: &str) -> String {
        self.found(pointer).unwrap_or_default()
    }

    pub fn found(&self, pointer: &str) -> Option<String> {
        self.0.pointer(pointer)?.as_str().map(str::to_owned)
    }

    /// A line of the report.
    pub fn check(&mut self, name: &str, outcome: Result<()>) {
        let detail = outcome.as_ref().err().map(|error| format!("{error:#}"));
        self.say(&json!({"check": name, "ok": outcome.is_ok(), "detail": detail}));
    }

    /// Where the browser was sent to.
    pub fn comes_back(&mut self, url: &str, user: &str) -> Result<String> {
        self.say(&json!({"visit": url, "user": user, "press": "allow"}));
        let landing = hear()?;
        landing["left"].as_str().map(str::to_owned).with_context(|| format!("did not come back: {landing}"))
    }

    // `cargo retail conformance` reads what is printed here.
    #[allow(clippy::unused_self)] // One talks at a time.
    fn say(&mut self, what: &Value) {
        println!("{what}");
    }

    /// A browser without cookies.
    pub fn forget(&mut self) -> Result<()> {
        self.say(&json!({"forget": true}));
        hear().map(|_| ())
    }
}

/// A parameter of an address.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Sends what the client wants sent.
pub async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    static HTTP: LazyLock<Client> =
        LazyLock::new(|| Client::builder().redirect(Policy::none()).no_proxy().build().unwrap_or_default());
    let answer = HTTP.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}

fn hear() -> Result<Value> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    serde_json::from_str(&line).context("nobody answers")
}
