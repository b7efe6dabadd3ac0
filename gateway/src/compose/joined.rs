//! The answer that the parts make.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::{declared::Resource, fields::NotAsDeclared, parts::Outcome};
use crate::{
    error::Refusal,
    http_cache::control::{Directives, seconds},
};

/// The fields of the parts that are there, and the names of those that are missing.
pub fn response(resource: &Resource, outcomes: Vec<Outcome>) -> Response {
    let (mut joined, mut missing, mut fresh) = (Map::new(), Vec::new(), Freshness::Unsaid);
    for (nth, outcome) in outcomes.into_iter().enumerate() {
        let part = &resource.parts[nth];
        match outcome {
            Outcome::Missing { reason, status } => missing.push(told(part.name, &reason, status)),
            Outcome::Answered { answer, headers } => match with(resource, nth, &answer, &joined) {
                Ok(more) => {
                    joined = more;
                    fresh = fresh.and(&headers);
                }
                Err(NotAsDeclared) if part.required => {
                    return Refusal::BadAnswer { service: part.name }.into_response();
                }
                Err(NotAsDeclared) => missing.push(told(part.name, "not_as_declared", None)),
            },
        }
    }
    if !missing.is_empty() {
        fresh = Freshness::Private;
    }
    if resource.parts.iter().any(|part| !part.required) {
        joined.insert("missing".to_owned(), missing.into());
    }
    ([(header::CACHE_CONTROL, fresh.cache_control())], Json(Value::Object(joined))).into_response()
}

// All fields of a part or none.
fn with(
    resource: &Resource,
    nth: usize,
    answer: &Value,
    joined: &Map<String, Value>,
) -> Result<Map<String, Value>, NotAsDeclared> {
    let mut joined = joined.clone();
    let mut fields = resource.fields.iter().filter(|field| field.part == nth);
    fields.try_for_each(|field| field.take(answer, &mut joined))?;
    Ok(joined)
}

fn told(part: &str, reason: &str, status: Option<u16>) -> Value {
    let mut told = json!({"part": part, "reason": reason});
    if let Some(status) = status {
        told["status"] = status.into();
    }
    told
}

/// What caches are told of the whole: something only if every part is for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Unsaid,
    /// For so many seconds.
    Public(u64),
    Private,
}

impl Freshness {
    /// With another part that says this: as long as that part is fresh, less its age.
    pub fn and(self, headers: &HeaderMap) -> Self {
        let said = Directives::of(headers);
        let refuses = ["private", "no-store", "no-cache"].into_iter().any(|it| said.has(it)) || !said.are_readable();
        let Some(fresh) = said.seconds("max-age").filter(|_| said.has("public") && !refuses) else {
            return Self::Private;
        };
        let age = headers.get(header::AGE).and_then(|age| seconds(age.to_str().ok()?)).unwrap_or_default();
        let left = fresh.saturating_sub(age).as_secs();
        match self {
            Self::Unsaid => Self::Public(left),
            Self::Public(before) => Self::Public(before.min(left)),
            Self::Private => Self::Private,
        }
    }

    fn cache_control(self) -> String {
        match self {
            Self::Public(seconds) => format!("public, max-age={seconds}"),
            Self::Unsaid | Self::Private => "no-store".to_owned(),
        }
    }
}
