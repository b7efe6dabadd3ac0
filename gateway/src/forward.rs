//! Sends a request on to an instance and brings its answer back, both as streams.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri, Version, header};
use http_body_util::LengthLimitError;

use crate::balance::{InFlight, Instance};
use crate::body::{Idle, Paced, caused_by};
use crate::discovery::Discovery;
use crate::error::Refusal;
use crate::headers::{self, Origin};
use crate::pool::{self, Fault, Leased};
use crate::retry::Budgets;
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
    pub budgets: Budgets,
    pub origin: Origin,
}

impl Forwarder {
    pub fn new(discovery: Discovery, origin: Origin) -> Self {
        Self { discovery, budgets: Budgets::default(), origin }
    }

    /// One request to one instance.
    pub async fn attempt(
        &self,
        instance: &Arc<Instance>,
        request: Request<Body>,
        now: Instant,
    ) -> Result<(http::Response<Leased>, InFlight), Fault> {
        let held = instance.enter();
        let answer = pool::send(instance, request, now).await?;
        Ok((answer, held))
    }
}

impl Message {
    /// As a request to this instance.
    pub fn to(&mut self, instance: &Instance, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.target.clone());
        // The copy, which has no room for more, is for another attempt.
        let copy = self.headers.clone();
        *request.headers_mut() = std::mem::replace(&mut self.headers, copy);
        request.headers_mut().entry(header::HOST).or_insert_with(|| instance.host.clone());
        request
    }
}

/// The answer as the caller gets it. `held` is kept until the end of its body.
pub fn respond<H: Send + Unpin + 'static>(route: &Route, answer: http::Response<Leased>, held: H) -> Response {
    let (mut meta, body) = answer.into_parts();
    headers::outbound(&mut meta.headers, route);
    // Not with what was noted of its own connection.
    meta.version = Version::default();
    meta.extensions.clear();
    Response::from_parts(meta, Body::new(Paced::new(body, route.pause, held)))
}

/// What the caller is told when an attempt failed after it was connected.
pub fn fault(route: &Route, request_id: &str, error: &Fault) -> Refusal {
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
    tracing::warn!(request_id, service, cause = chain(error), "no answer");
    Refusal::BadAnswer { service }
}

/// An error with its causes.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
