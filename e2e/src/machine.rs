//! A machine that logs in as itself (RFC 6749, section 4.4).

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, header};
use serde_json::Value;

/// The value of the `Authorization` header of a client with a secret. Ours need no percent-encoding.
pub fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{secret}")))
}

/// An access token of a client for itself, with every scope that it may have.
pub async fn client_token(public_url: &str, client: &str, secret: &str) -> anyhow::Result<String> {
    let request = Client::new().post(format!("{public_url}/auth/token"));
    let request = request.header(header::AUTHORIZATION, basic(client, secret));
    let answer = request.form(&[("grant_type", "client_credentials")]).send().await?;
    let status = answer.status();
    let granted: Value = answer.json().await.unwrap_or_default();
    ensure!(status.is_success(), "{client} gets no token: {status} {granted}");
    Ok(granted["access_token"].as_str().context("no token in the answer")?.to_owned())
}
