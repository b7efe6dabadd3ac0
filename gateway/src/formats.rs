//! The same answer as JSON, XML or CBOR, whole or in part. Services speak JSON; who wants something else says so by
//! `Accept` and `Content-Type` (RFC 9110, section 12), and who wants less by `?fields=sku,price.amount`.

mod accept;
mod cbor;
mod fields;
mod xml;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::Body as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::body::Paced;
use crate::compress;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::media;
use crate::policies::Within;
use crate::present::Present;
use crate::routes::Route;
use crate::tags;
use fields::Fields;

/// How deep what comes may be nested.
const DEPTH: usize = 64;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Section")]
pub struct Policy {
    /// Bytes of an answer that is changed; a larger one stays as it is.
    pub largest: u64,
}

/// A section `[formats.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    largest: Within<1, 65_536>,
}

impl From<Section> for Policy {
    fn from(section: Section) -> Self {
        Self { largest: u64::from(section.largest.get()) * 1024 }
    }
}

/// How data are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
    Cbor,
}

impl Format {
    const ALL: [Self; 3] = [Self::Json, Self::Xml, Self::Cbor];

    // The first is said of answers.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &[media::JSON, "application/problem+json"],
            Self::Xml => &["application/xml", "application/problem+xml", "text/xml"],
            Self::Cbor => &["application/cbor"],
        }
    }

    fn of(media_type: &str) -> Option<Self> {
        let is_called = |format: &Self| format.names().iter().any(|name| name.eq_ignore_ascii_case(media_type));
        Self::ALL.into_iter().find(is_called)
    }

    fn read(self, bytes: &[u8]) -> Result<Value, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Self::Xml => xml::read(bytes),
            Self::Cbor => cbor::read(bytes),
        }
    }

    fn write(self, value: &Value, is_problem: bool) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(value).unwrap_or_default(),
            Self::Xml => xml::write(value, if is_problem { "problem" } else { "data" }),
            Self::Cbor => {
                let mut bytes = Vec::new();
                // Writing to memory does not fail.
                let _ = ciborium::into_writer(value, &mut bytes);
                bytes
            }
        }
    }
}

/// What a caller wants of an answer.
pub struct Shape {
    service: &'static str,
    policy: Policy,
    method: Method,
    // None: the caller takes none of them.
    format: Option<Format>,
    fields: Option<Fields>,
}

impl Shape {
    /// Of a request on a route whose answers are changed. The service does not see `fields`.
    pub fn take(
        route: &Route,
        head: &Parts,
        present: Present,
        target: &mut PathAndQuery,
    ) -> Result<Option<Self>, Refusal> {
        let Some(formats) = route.formats else { return Ok(None) };
        let fields = Fields::take(target)?.filter(|_| head.method == Method::GET || head.method == Method::HEAD);
        // Who says nothing takes the first.
        let format = if present.has(Present::ACCEPT) { accept::best(&head.headers) } else { Some(Format::Json) };
        let (service, policy, method) = (route.service, formats.policy, head.method.clone());
        Ok(Some(Self { service, policy, method, format, fields }))
    }

    /// Makes the answer what the caller wants. Who reads all of it before a byte goes on keeps the caller's `deadline`.
    pub async fn give(&self, response: &mut Response, deadline: Option<Deadline>) {
        let changed = match self.wanted(response) {
            Ok(None) => return,
            // Seldom: no part of what is moved about with all others.
            Ok(Some(format)) => Box::pin(self.change(std::mem::take(response), format, deadline)).await,
            Err(refusal) => Err(refusal),
        };
        *response = changed.unwrap_or_else(IntoResponse::into_response);
    }

    // The format in which the answer is to be written anew, if it is. It says itself that it could be another.
    fn wanted(&self, response: &mut Response) -> Result<Option<Format>, Refusal> {
        if response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().append(header::VARY, HeaderValue::from(header::ACCEPT));
            return Ok(None);
        }
        let Some(Format::Json) = Format::of(media::named(response.headers())) else { return Ok(None) };
        response.headers_mut().append(header::VARY, HeaderValue::from(header::ACCEPT));
        let is_problem = is_problem(response.status());
        let read_only = self.method == Method::GET || self.method == Method::HEAD;
        let format = match self.format {
            Some(format) => format,
            // What was done cannot be refused any more, and a problem is better told in JSON than not at all.
            None if is_problem || !read_only => Format::Json,
            None => return Err(Refusal::NotAcceptable),
        };
        if (format == Format::Json && (self.fields.is_none() || is_problem)) || compress::is_fixed(response.headers()) {
            return Ok(None);
        }
        let size = compress::size(&self.method, response);
        Ok(size.is_some_and(|size| size > 0 && size <= self.policy.largest).then_some(format))
    }

    async fn change(
        &self,
        response: Response,
        format: Format,
        deadline: Option<Deadline>,
    ) -> Result<Response, Refusal> {
        let is_problem = is_problem(response.status());
        let (mut head, body) = response.into_parts();
        let content = if self.method == Method::HEAD {
            Vec::new()
        } else {
            let body = self.whole(body, deadline).await?;
            let Ok(mut value) = Format::Json.read(&body) else {
                return Ok(Response::from_parts(head, Body::from(body)));
            };
            if let Some(fields) = self.fields.as_ref().filter(|_| !is_problem) {
                fields.keep(&mut value);
            }
            format.write(&value, is_problem)
        };
        head.headers.remove(header::CONTENT_LENGTH);
        if format != Format::Json {
            let name = if is_problem && format == Format::Xml { "application/problem+xml" } else { format.names()[0] };
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(name));
            tags::weaken(&mut head.headers);
        }
        Ok(Response::from_parts(head, Body::from(content)))
    }

    async fn whole(&self, body: Body, deadline: Option<Deadline>) -> Result<Bytes, Refusal> {
        let service = self.service;
        let body = match deadline {
            Some(deadline) => timeout_at(deadline.at, body.collect())
                .await
                .map_err(|_| Refusal::Timeout { service, after: deadline.total })?,
            None => body.collect().await,
        };
        body.map(Collected::to_bytes).map_err(|_| Refusal::BadAnswer { service })
    }
}

fn is_problem(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The body as the service understands it: JSON instead of XML or CBOR.
pub async fn read(
    route: &Route,
    (headers, present): (&mut HeaderMap, Present),
    body: Body,
    deadline: &Deadline,
) -> Result<Body, Refusal> {
    if !present.has(Present::CONTENT_TYPE) {
        return Ok(body);
    }
    let Some(format) = Format::of(media::named(headers)).filter(|format| *format != Format::Json) else {
        return Ok(body);
    };
    if route.formats.is_none() || body.is_end_stream() {
        return Ok(body);
    }
    let limit = route.body_limit;
    let body = Limited::new(Paced::new(body, route.pause, ()), limit).collect();
    let body = match timeout_at(deadline.at, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Refusal::BodyTooLarge { limit });
        }
        Ok(Err(error)) if error.is::<crate::body::Idle>() => return Err(Refusal::BodyTooSlow),
        Ok(Err(_)) => return Err(Refusal::BodyBroken),
        Err(_) => return Err(Refusal::BodyTooSlow),
    };
    let value = format.read(&body).map_err(|why| Refusal::BadBody { why })?;
    let json = Bytes::from(Format::Json.write(&value, false));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::JSON));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(json.len()));
    Ok(Body::from(json))
}
