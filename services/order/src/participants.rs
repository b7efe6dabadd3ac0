//! The participants of a saga, called through the gateway with this service's own credentials, and what their answers
//! mean: yes, no, or nothing.

mod credentials;
mod retry_after;
mod turns;

use std::time::Duration;

use axum::http::StatusCode;
use crash::Point;
use reqwest::{Client, Response, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

pub use credentials::{COMMANDS, Credentials, CredentialsError, READS};
use retry_after::retry_after;
pub use turns::{Turn, Turns};

use crate::{
    domain::Refusal,
    saga::{Call, Reply},
};

/// The way to the participants. Cheap to clone.
#[derive(Clone)]
pub struct Participants {
    gateway: String,
    credentials: Credentials,
    client: Client,
    patience: Duration,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was said.
    pub reply: Reply,
    /// In how long the one who answered wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
}

/// Why a call has no answer that says yes or no.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("no token: {0}")]
    Token(#[from] CredentialsError),
    #[error("{}", cause(.0))]
    Call(#[from] reqwest::Error),
}

// The chain without the URL, which everybody who reads the timeline would see.
fn cause(error: &reqwest::Error) -> String {
    let what = if error.is_connect() { "cannot connect" } else { "the connection failed" };
    let root = std::iter::successors(std::error::Error::source(error), |error| error.source()).last();
    root.map_or_else(|| what.to_owned(), |root| format!("{what}: {root}"))
}

impl Participants {
    /// Calls go to `gateway` and may take as long as `patience`, token included.
    pub fn new(gateway: &str, credentials: Credentials, client: Client, patience: Duration) -> Self {
        Self { gateway: gateway.to_owned(), credentials, client, patience }
    }

    /// Asks, and says what came of it. `point` names the call for the tests that let the process die before and after.
    pub async fn ask(&self, point: Point<'_>, call: &Call) -> Reply {
        self.answer(point, call).await.reply
    }

    /// As [`Participants::ask`], with when to ask again.
    pub async fn answer(&self, point: Point<'_>, call: &Call) -> Answer {
        let silent = |why| Answer { reply: Reply::Silent(why), retry_after: None };
        let deadline = Instant::now() + self.patience;
        match point.around(timeout_at(deadline, self.send(call, deadline))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(silence)) => silent(silence.to_string()),
            Err(_) => silent(format!("no answer in {:?}", self.patience)),
        }
    }

    async fn send(&self, call: &Call, deadline: Instant) -> Result<Answer, Silence> {
        let token = self.credentials.token(&self.client).await?;
        let url = format!("{}/api/{}{}", self.gateway, call.service, call.path);
        let request_id = Uuid::now_v7().to_string();
        tracing::debug!(request_id, method = %call.method, path = call.path, service = call.service, "asking");
        let mut request =
            self.client.request(call.method.clone(), url).bearer_auth(&token).header("x-request-id", request_id);
        if let Some(traceparent) = web::telemetry::traceparent() {
            request = request.header("traceparent", traceparent);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        // Fetching a token took its part of the time.
        let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
        request = request.header(web::REQUEST_TIMEOUT, left.to_string());
        let response: Response = request.header(header::ACCEPT, "application/json").send().await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            self.credentials.forget(&token).await;
        }
        let retry_after = retry_after(response.headers());
        Ok(Answer { reply: classify(status, &response.bytes().await?), retry_after })
    }
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    title: String,
    detail: Option<String>,
    source: Option<String>,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

/// What an answer means. A 4xx in which a participant says why is a no. What the gateway says of itself is not, nor is
/// a status that asks to come again or with other credentials: of those nobody knows what became of the request.
#[must_use]
pub fn classify(status: StatusCode, body: &[u8]) -> Reply {
    if status.is_success() {
        let answer = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
        return answer.map_or_else(|error| Reply::Silent(format!("{status}, but not JSON: {error}")), Reply::Done);
    }
    let come_again = matches!(status.as_u16(), 401 | 403 | 408 | 425 | 429);
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if status.is_client_error() && !come_again && problem.source.as_deref() != Some("gateway") => {
            Reply::Refused(problem.into())
        }
        Ok(problem) => Reply::Silent(format!("{status}: {}", problem.code)),
        Err(_) => Reply::Silent(status.to_string()),
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let Problem { code, title, detail, mut facts, .. } = problem;
        for said_already in ["type", "status", "instance"] {
            facts.shift_remove(said_already);
        }
        Self { code, title, detail, facts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, body: &str) -> Reply {
        classify(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_2xx_is_a_yes_with_or_without_a_body() {
        assert_eq!(meaning(204, ""), Reply::Done(Value::Null));
        assert_eq!(meaning(200, r#"{"a":1}"#), Reply::Done(serde_json::json!({"a": 1})));
        assert!(matches!(meaning(200, "<html>"), Reply::Silent(_)));
    }

    #[test]
    fn a_4xx_with_a_code_is_a_no_that_keeps_its_facts() {
        let body = r#"{"type":"about:blank","title":"Out of stock","status":409,"code":"out_of_stock","sku":"MUG"}"#;
        let Reply::Refused(refusal) = meaning(409, body) else { panic!("not a refusal") };
        assert_eq!((refusal.code.as_str(), refusal.title.as_str()), ("out_of_stock", "Out of stock"));
        assert_eq!(serde_json::Value::Object(refusal.facts), serde_json::json!({"sku": "MUG"}));
        assert!(matches!(meaning(404, r#"{"code":"cart_not_found"}"#), Reply::Refused(_)));
    }

    #[test]
    fn everything_else_is_silence() {
        for status in [401, 403, 408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(meaning(status, r#"{"code":"some_code"}"#), Reply::Silent(_)), "{status}");
        }
        assert!(matches!(meaning(404, r#"{"code":"no_such_route","source":"gateway"}"#), Reply::Silent(_)));
        assert!(matches!(meaning(404, "not found"), Reply::Silent(_)));
        assert!(matches!(meaning(302, ""), Reply::Silent(_)));
    }
}
