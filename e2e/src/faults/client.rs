//! One user of the public API under faults: logs in again when told to, waits for no answer for long, and knows what an
//! answer means for what was asked.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::history::{History, Outcome};
use crate::shopper::{Answer, Shopper};

/// How long a client waits for an answer: less than the gateway waits for a service.
const PATIENCE: Duration = Duration::from_secs(8);

/// A user with a session, or without one until the next request.
pub struct Client {
    nr: usize,
    user: &'static str,
    public_url: String,
    session: Option<Shopper>,
    history: Arc<History>,
}

impl Client {
    /// The `nr`th client, as one of the demonstration's users.
    pub fn new(nr: usize, user: &'static str, public_url: &str, history: &Arc<History>) -> Self {
        Self { nr, user, public_url: public_url.to_owned(), session: None, history: history.clone() }
    }

    /// Places an order; its id if that was acknowledged. `None` in an outcome that is not `Fail` may be asked again.
    pub async fn place(&mut self, key: &str, order: &Value) -> (Outcome, Option<String>) {
        let invocation = self.history.invoke(self.nr, "place", key);
        let headers = [("Idempotency-Key", key)];
        let answer = self.send(Method::POST, "/api/order/v1/orders", Some(order.clone()), &headers).await;
        let (outcome, answer) = outcome_of(answer);
        let id = answer.as_ref().filter(|_| outcome == Outcome::Ok).and_then(|it| it.text("id").ok());
        self.history.complete(&invocation, outcome, &id.clone().unwrap_or_else(|| told(answer.as_ref())));
        (outcome, id)
    }

    /// Looks at an order: its state.
    pub async fn see(&mut self, id: &str) -> Option<String> {
        let invocation = self.history.invoke(self.nr, "see", id);
        let answer = self.send(Method::GET, &format!("/api/order/v1/orders/{id}"), None, &[]).await;
        let (outcome, answer) = outcome_of(answer);
        let state = answer.as_ref().filter(|_| outcome == Outcome::Ok).and_then(|it| it.text("state").ok());
        self.history.complete(&invocation, outcome, &state.clone().unwrap_or_else(|| told(answer.as_ref())));
        state
    }

    /// Asks for a change without a body.
    pub async fn change(&mut self, operation: &'static str, id: &str, path: &str) -> Outcome {
        let invocation = self.history.invoke(self.nr, operation, id);
        let (outcome, answer) = outcome_of(self.send(Method::POST, path, Some(json!({})), &[]).await);
        self.history.complete(&invocation, outcome, &told(answer.as_ref()));
        outcome
    }

    /// Does something that nobody has to remember; nothing if it fails.
    pub async fn attempt<T>(&mut self, action: impl AsyncFnOnce(&Shopper) -> anyhow::Result<T>) -> Option<T> {
        let session = self.session().await?;
        let done = timeout(2 * PATIENCE, action(&session)).await.ok()?;
        if done.is_err() {
            // Perhaps because the session has ended; a new one costs little.
            self.session = None;
        }
        done.ok()
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let session = self.session().await?;
        let answer = timeout(PATIENCE, session.send(method, path, body, headers)).await.ok()?.ok()?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.session = None;
        }
        Some(answer)
    }

    async fn session(&mut self) -> Option<Shopper> {
        if self.session.is_none() {
            self.session = timeout(PATIENCE, Shopper::log_in(&self.public_url, self.user)).await.ok()?.ok();
        }
        self.session.clone()
    }
}

/// What an answer, or none, says about whether it happened.
fn outcome_of(answer: Option<Answer>) -> (Outcome, Option<Answer>) {
    let outcome = match answer.as_ref().map(|it| it.status) {
        Some(status) if status.is_success() => Outcome::Ok,
        // An earlier attempt is under way, or nobody looked at it.
        Some(status) if [408, 425, 429].contains(&status.as_u16()) => Outcome::Unknown,
        Some(StatusCode::UNAUTHORIZED) => Outcome::Unknown,
        Some(status) if status.is_client_error() => {
            let under_way = answer.as_ref().is_some_and(|it| it.body["code"] == "request_under_way");
            if under_way { Outcome::Unknown } else { Outcome::Fail }
        }
        _ => Outcome::Unknown,
    };
    (outcome, answer)
}

fn told(answer: Option<&Answer>) -> String {
    answer.map_or_else(
        || "no answer".to_owned(),
        |it| format!("{} {}", it.status.as_u16(), it.body["code"].as_str().unwrap_or_default()),
    )
}
