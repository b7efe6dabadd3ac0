//! Asks auth to turn an opaque token into a JWT for one service (RFC 8693).

use std::time::Duration;

use anyhow::Context;
use http::{HeaderValue, StatusCode};
use proof::Thumbprint;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::cache::Answer;
use crate::claims::Claims;

const CLIENT_ID: &str = "gateway";
const PATIENCE: Duration = Duration::from_secs(3);
/// Questions under way at once; a flood of unknown tokens waits here instead of at auth.
const AT_ONCE: usize = 128;

/// The token endpoint, as the gateway's own client.
pub struct Exchange {
    http: reqwest::Client,
    token_url: String,
    secret: SecretString,
    at_once: Semaphore,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
    /// The key that the opaque token is bound to (RFC 9449, section 6).
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
struct Confirmation {
    jkt: String,
}

#[derive(Deserialize)]
struct Fault {
    error: String,
}

impl Exchange {
    /// `auth_url` is auth's internal base, with its path.
    pub fn new(auth_url: &str, secret: SecretString) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, token_url: format!("{auth_url}/token"), secret, at_once: Semaphore::new(AT_ONCE) })
    }

    /// One question, for the first request that needs the answer. Whatever is not an answer about the token is
    /// [`Answer::Unavailable`], logged with its cause.
    pub async fn ask(&self, token: &str, audience: &str, request_id: &str) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, async {
            let _turn = self.at_once.acquire().await?;
            self.exchange(token, audience).await
        });
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(late) => Err(late.into()),
        };
        let answer = answer.unwrap_or_else(|cause| {
            tracing::warn!(request_id, cause = format!("{cause:#}"), "no token exchange");
            Answer::Unavailable
        });
        metrics::counter!("gateway_token_exchanges_total", "outcome" => outcome(&answer)).increment(1);
        answer
    }

    /// Whether auth answers at all.
    pub async fn is_auth_there(&self) -> bool {
        self.http.get(&self.token_url).send().await.is_ok()
    }

    async fn exchange(&self, token: &str, audience: &str) -> anyhow::Result<Answer> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("audience", audience),
        ];
        let secret = form_encode(self.secret.expose_secret());
        let request = self.http.post(&self.token_url).basic_auth(CLIENT_ID, Some(secret));
        let response = request.form(&form).send().await?;
        match response.status() {
            StatusCode::OK => granted(&response.json().await?),
            StatusCode::BAD_REQUEST => refused(&response.json::<Fault>().await?),
            status => anyhow::bail!("the token endpoint answered {status}"),
        }
    }
}

fn granted(granted: &Granted) -> anyhow::Result<Answer> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", granted.access_token))
        .context("the exchanged token is no header value")?;
    authorization.set_sensitive(true);
    let key =
        granted.cnf.as_ref().map(|cnf| Thumbprint::parse(&cnf.jkt).context("cnf is no thumbprint")).transpose()?;
    let claims = Claims { key, ..Claims::of(&granted.access_token) }.into();
    Ok(Answer::Granted { authorization, expires_in: Duration::from_secs(granted.expires_in), claims })
}

// RFC 8693 §2.2.2 says `invalid_request` for a subject token that is not valid; servers say `invalid_grant` as well.
fn refused(fault: &Fault) -> anyhow::Result<Answer> {
    match fault.error.as_str() {
        "invalid_grant" | "invalid_request" | "invalid_token" => Ok(Answer::Refused),
        "invalid_target" | "invalid_scope" => Ok(Answer::NotForAudience),
        other => anyhow::bail!("the token endpoint refused the gateway: {other}"),
    }
}

fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Answer::Granted { .. } => "granted",
        Answer::Refused => "refused",
        Answer::NotForAudience => "not_for_audience",
        Answer::Unavailable => "unavailable",
    }
}

// RFC 6749 §2.3.1: the secret is form-encoded before it goes into Basic.
fn form_encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_basic_authentication() {
        assert_eq!(form_encode("plain-Secret_1"), "plain-Secret_1");
        assert_eq!(form_encode("a:b%c d"), "a%3Ab%25c%20d");
    }
}
