//! Logs in as a browser does: authorization code with PKCE (RFC 7636), the login form, the redirect back.

mod form;
mod visit;

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Response, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use visit::{Browser, Landing, Visit};

/// The public client of the demonstration, and where it listens for the code. Nobody needs to: we read the redirect.
const CLIENT: &str = "demo";
const REDIRECT: &str = "http://127.0.0.1/callback";
const SCOPES: &str = "openid profile email offline_access store:read store:write store:operate inventory:read \
     inventory:write inventory:operate accounting:read accounting:write accounting:operate shipping:read \
     shipping:write shipping:operate order:read order:write order:operate gateway:operate \
     auth:operate";

/// What the token endpoint answers (RFC 6749, section 5.1).
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// The opaque access token.
    pub access_token: String,
    /// Absent without `offline_access`.
    pub refresh_token: Option<String>,
    /// Absent without `openid`.
    pub id_token: Option<String>,
    /// Seconds.
    pub expires_in: u64,
    /// What was granted, which the user's role may narrow.
    pub scope: String,
}

/// Logs `user` in at `public_url` and answers the tokens.
pub async fn log_in(public_url: &str, user: &str, password: &str) -> anyhow::Result<Tokens> {
    log_in_with(&mut Browser::of(public_url)?, public_url, user, password, SCOPES).await
}

/// The same in a browser that is kept, for these scopes.
pub async fn log_in_with(
    browser: &mut Browser,
    public_url: &str,
    user: &str,
    password: &str,
    scopes: &str,
) -> anyhow::Result<Tokens> {
    let verifier = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let state = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let query = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", scopes),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let start = Url::parse_with_params(&format!("{public_url}/auth/authorize"), query)?;
    let callback = match browser.visit(start, &Visit::of(user, password)).await? {
        Landing::Left { url, .. } if url.as_str().starts_with(REDIRECT) => url,
        Landing::Left { url, .. } => bail!("sent to {url}"),
        Landing::Page { status, text, .. } => bail!("the login was not accepted: {status}: {text}"),
    };
    let parameters: BTreeMap<_, _> = callback.query_pairs().into_owned().collect();
    if let Some(error) = parameters.get("error") {
        bail!("not authorized: {error}: {}", parameters.get("error_description").map_or("", String::as_str));
    }
    ensure!(parameters.get("state") == Some(&state), "the state came back changed");
    ensure!(parameters.get("iss") == Some(&format!("{public_url}/auth")), "another issuer answered (RFC 9207)");
    let code = parameters.get("code").context("no code in the redirect")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", &verifier),
    ];
    let http = reqwest::Client::builder().no_proxy().build()?;
    let answer = http.post(format!("{public_url}/auth/token")).form(&form).send().await?;
    Ok(checked(answer).await?.json().await?)
}

/// Logs `user` in and out again, as the pages offer it.
pub async fn log_out(public_url: &str, user: &str, password: &str) -> anyhow::Result<()> {
    let mut browser = Browser::of(public_url)?;
    let login = Url::parse(&format!("{public_url}/auth/login"))?;
    browser.visit(login.clone(), &Visit::of(user, password)).await?;
    let out = Visit { press: Some("sign out".to_owned()), ..Visit::default() };
    browser.visit(Url::parse(&format!("{public_url}/auth/logout"))?, &out).await?;
    let Landing::Page { text, .. } = browser.visit(login, &Visit::default()).await? else { bail!("sent away") };
    ensure!(text.contains("name=\"password\""), "still logged in");
    Ok(())
}

async fn checked(answer: Response) -> anyhow::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    bail!("{} answered {status}: {}", answer.url().clone(), answer.text().await.unwrap_or_default())
}
