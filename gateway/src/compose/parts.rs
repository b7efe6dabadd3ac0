//! Asks for the parts: all at once, but for those that are asked with what another part answered.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream::FuturesUnordered};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts as Head};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    declared::{Part, Resource},
    template::{Values, encode, scalar},
};
use crate::{App, deadline::Deadline, error::Refusal, front, present::Present, proofs::Whole, proxy, throttle};

const LARGEST: usize = 1024 * 1024;
/// A caller is told that a part is missing while it still waits.
const FOR_PARTS: (u32, u32) = (9, 10);
// What goes on to a part. The rest is about the whole, or about bodies.
const PASSED_ON: [HeaderName; 10] = [
    header::AUTHORIZATION,
    HeaderName::from_static("dpop"),
    header::HOST,
    header::ACCEPT_LANGUAGE,
    // It is the parts of which copies are kept.
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::USER_AGENT,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// A request for a virtual resource.
pub struct Asking<'a> {
    pub app: &'a Arc<App>,
    pub resource: &'a Resource,
    pub head: &'a Head,
    /// What a proof of the caller was made for.
    pub whole: Arc<Whole>,
    pub deadline: Deadline,
    pub values: Values,
    /// What the caller is told of its limits, by the part that was answered last.
    pub standing: Mutex<HeaderMap>,
}

/// What came of a part.
pub enum Outcome {
    Answered { answer: Value, headers: HeaderMap },
    Missing { reason: String, status: Option<u16> },
}

impl Asking<'_> {
    /// What came of each part, in order; or the answer of a required one that refused.
    pub async fn all(&self) -> Result<Vec<Outcome>, Response> {
        let parts = &self.resource.parts;
        let mut outcomes: Vec<Option<Outcome>> = parts.iter().map(|_| None).collect();
        let mut asked = vec![false; parts.len()];
        let mut under_way = FuturesUnordered::new();
        loop {
            for (nth, part) in parts.iter().enumerate() {
                if !asked[nth] && part.after.iter().all(|it| outcomes[*it].is_some()) {
                    asked[nth] = true;
                    let target = self.target(part, &outcomes);
                    under_way.push(async move { (nth, self.part(part, target).await) });
                }
            }
            let Some((nth, outcome)) = under_way.next().await else { break };
            let outcome = outcome.inspect_err(|refused| self.count(&parts[nth], refused.status().as_str()))?;
            self.count(&parts[nth], outcome.as_str());
            outcomes[nth] = Some(outcome);
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    fn count(&self, part: &Part, outcome: &str) {
        let labels = [
            ("resource", self.resource.name.to_owned()),
            ("part", part.name.to_owned()),
            ("outcome", outcome.to_owned()),
        ];
        metrics::counter!("gateway_parts_total", &labels).increment(1);
    }

    // None: it is asked with something that is missing.
    fn target(&self, part: &Part, outcomes: &[Option<Outcome>]) -> Option<String> {
        let of_part = |name: &str, place: &str| {
            let nth = self.resource.parts.iter().position(|it| it.name == name)?;
            let Some(Some(Outcome::Answered { answer, .. })) = outcomes.get(nth) else { return None };
            scalar(answer, place).map(Cow::Owned)
        };
        let value = |name: &str| match name.split_once('.') {
            Some((part, place)) => of_part(part, place),
            None => self.values.get(name).map(|value| Cow::Borrowed(value.as_str())),
        };
        let mut target = part.get.filled(value)?;
        for name in &part.query {
            let Some(value) = self.values.get(name) else { continue };
            target.push(if target.contains('?') { '&' } else { '?' });
            encode(name, &mut target);
            target.push('=');
            encode(value, &mut target);
        }
        Some(target)
    }

    async fn part(&self, part: &Part, target: Option<String>) -> Result<Outcome, Response> {
        let Some(target) = target else { return missing(part, "part_missing", None) };
        let until = self.until(part);
        let Ok(request) = self.request(target, until) else { return missing(part, "bad_target", None) };
        let asked = timeout_at(until.at, async {
            let (peer, present) = (front::peer(&self.head.extensions), Present::of(request.headers()));
            let (answer, _) =
                proxy::forward(self.app, request, present, peer.as_ref(), Instant::now().into_std()).await;
            let (meta, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            body.map(|body| (meta, body.to_bytes()))
        });
        let answered = asked.await;
        if let Ok(Ok((meta, _))) = &answered {
            throttle::of_part(&meta.headers, &mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match answered {
            Err(_) => {
                let timeout = Refusal::Timeout { service: part.name, after: until.total };
                refused(part, "upstream_timeout", timeout.into_response())
            }
            Ok(Err(_)) => refused(part, "bad_answer", Refusal::BadAnswer { service: part.name }.into_response()),
            Ok(Ok((meta, body))) if meta.status.is_success() => match serde_json::from_slice(&body) {
                Ok(answer) => Ok(Outcome::Answered { answer, headers: meta.headers }),
                Err(_) => refused(part, "not_json", Refusal::BadAnswer { service: part.name }.into_response()),
            },
            Ok(Ok((meta, body))) if part.required => Err(told(part, meta, &body)),
            Ok(Ok((meta, body))) => {
                let code = serde_json::from_slice(&body).ok().and_then(|problem| scalar(&problem, "code"));
                missing(part, &code.unwrap_or_else(|| "no_answer".to_owned()), Some(meta.status))
            }
        }
    }

    // Who is waited for leaves half of the time to those who wait.
    fn until(&self, part: &Part) -> Deadline {
        let whole = self.deadline.total * FOR_PARTS.0 / FOR_PARTS.1;
        let share = if part.awaited { whole / 2 } else { whole };
        let began = self.deadline.at - self.deadline.total;
        let left = (began + share).saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        Deadline { at: Instant::now() + left, total: left, is_callers: self.deadline.is_callers }
    }

    fn request(&self, target: String, until: Deadline) -> http::Result<Request> {
        let mut request = Request::builder().uri(target).version(self.head.version).body(Body::empty())?;
        *request.headers_mut() = passed_on(&self.head.headers);
        request.extensions_mut().insert(until);
        request.extensions_mut().insert(Arc::clone(&self.whole));
        Ok(request)
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in &PASSED_ON {
        for value in headers.get_all(name) {
            passed.append(name, value.clone());
        }
    }
    passed.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    passed
}

// A part that others are not asked without is required, or they are missing as well.
fn missing(part: &Part, reason: &str, status: Option<StatusCode>) -> Result<Outcome, Response> {
    if part.required {
        return Err(no_store(Refusal::BadAnswer { service: part.name }.into_response()));
    }
    Ok(Outcome::Missing { reason: reason.to_owned(), status: status.map(|it| it.as_u16()) })
}

fn refused(part: &Part, reason: &str, instead: Response) -> Result<Outcome, Response> {
    if part.required { Err(no_store(instead)) } else { missing(part, reason, None) }
}

// The refusal of a required part is that of the whole, and says whose it is.
fn told(part: &Part, meta: http::response::Parts, body: &Bytes) -> Response {
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(mut problem)) => {
            problem.insert("part".to_owned(), part.name.into());
            Value::Object(problem).to_string().into()
        }
        _ => body.clone(),
    };
    let mut response = Response::from_parts(meta, Body::from(body));
    for of_part in [header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED] {
        response.headers_mut().remove(of_part);
    }
    no_store(response)
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Outcome {
    fn as_str(&self) -> &str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Missing { reason, .. } => reason,
        }
    }
}
