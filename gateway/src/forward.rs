//! Sends a request on to an instance and brings its answer back, both as streams.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri, Version};
use http_body_util::LengthLimitError;
use hyper::body::Body as _;
use tokio::time::{Instant as Deadline, timeout_at};

use crate::balance::{self, InFlight, Instance};
use crate::body::{Idle, Paced, Upload, caused_by};
use crate::discovery::Discovery;
use crate::error::Refusal;
use crate::headers;
use crate::pool::{self, Fault, Leased};
use crate::routes::Route;

/// What goes to the service: `target` is the path it sees, with the query.
#[derive(Clone)]
pub struct Message {
    pub method: Method,
    pub target: PathAndQuery,
    pub headers: HeaderMap,
}

/// Which instance is next.
pub struct Forwarder {
    pub discovery: Discovery,
}

impl Forwarder {
    pub fn new(discovery: Discovery) -> Self {
        Self { discovery }
    }

    /// Forwards within the route's limits. An instance that cannot be connected to is replaced once by another: until
    /// then no byte was sent, so nothing can happen twice.
    pub async fn send(&self, route: &Route, message: Message, body: Body) -> Result<Response, Refusal> {
        let limit = route.body_limit;
        if body.size_hint().lower() > limit as u64 {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let upload = Upload::new(body, limit, route.pause);
        let deadline = Deadline::now() + route.timeout;
        let answer = timeout_at(deadline, self.attempts(route, message, &upload)).await;
        answer.unwrap_or_else(|_| {
            Err(if upload.is_finished() {
                Refusal::Timeout { service: route.service, after: route.timeout }
            } else {
                Refusal::BodyTooSlow
            })
        })
    }

    async fn attempts(&self, route: &Route, message: Message, upload: &Upload) -> Result<Response, Refusal> {
        let service = route.service;
        let instances = self.discovery.instances(service);
        let first = balance::choose(&instances, None, Instant::now());
        let first = first.ok_or(Refusal::NoInstance { service })?;
        let spare = (instances.len() > 1).then(|| message.clone());
        match self.attempt(first, message, upload).await {
            Ok((answer, held)) => return Ok(respond(route, answer, held)),
            Err(error) if error.is_connect() => avoid(first, &error),
            Err(error) => return Err(fault(route, &error)),
        }
        let second = balance::choose(&instances, Some(first), Instant::now());
        let (Some(second), Some(message)) = (second, spare) else {
            return Err(Refusal::Unreachable { service });
        };
        match self.attempt(second, message, upload).await {
            Ok((answer, held)) => Ok(respond(route, answer, held)),
            Err(error) if error.is_connect() => {
                avoid(second, &error);
                Err(Refusal::Unreachable { service })
            }
            Err(error) => Err(fault(route, &error)),
        }
    }

    /// One request to one instance.
    pub async fn attempt(
        &self,
        instance: &Arc<Instance>,
        message: Message,
        upload: &Upload,
    ) -> Result<(http::Response<Leased>, InFlight), Fault> {
        let held = instance.enter();
        let mut request = Request::new(upload.offer().unwrap_or_default());
        *request.method_mut() = message.method;
        *request.uri_mut() = Uri::from(message.target);
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = message.headers;
        let answer = pool::send(&instance.authority, request).await?;
        Ok((answer, held))
    }
}

fn respond(route: &Route, answer: http::Response<Leased>, held: InFlight) -> Response {
    let (mut meta, body) = answer.into_parts();
    headers::outbound(&mut meta.headers, route);
    let mut response = Response::new(Body::new(Paced::new(body, route.pause, held)));
    *response.status_mut() = meta.status;
    *response.headers_mut() = meta.headers;
    response
}

fn avoid(instance: &Instance, error: &Fault) {
    tracing::warn!(instance = %instance.authority, cause = chain(error), "cannot connect");
    instance.avoid(Instant::now());
}

fn fault(route: &Route, error: &Fault) -> Refusal {
    let service = route.service;
    if caused_by::<LengthLimitError>(error) {
        let limit = route.body_limit;
        return Refusal::BodyTooLarge { limit };
    }
    if caused_by::<Idle>(error) {
        return Refusal::BodyTooSlow;
    }
    let hyper = std::error::Error::source(error).and_then(|e| e.downcast_ref::<hyper::Error>());
    if hyper.is_some_and(hyper::Error::is_user) {
        return Refusal::BodyBroken;
    }
    tracing::warn!(service, cause = chain(error), "no answer");
    Refusal::BadAnswer { service }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
