//! What a request passes on its way to a service, from top to bottom.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, header};

use crate::balance::Ejection;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::forward::Message;
use crate::policies::Policies;
use crate::routes::Route;
use crate::{App, headers, hygiene, path};

/// Answers whatever is not a page of the gateway's own.
pub async fn forward(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let policies = app.policies.load();
    let (route, target) = match entrance(&policies, &head) {
        Ok(entered) => entered,
        Err(refusal) => return refusal.into_response(),
    };
    let counted = app.meters.enter(&route);
    let answer = pass(&app, (&route, &policies.ejection), target, head, body).await;
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    counted.answered(&response);
    response
}

// From the request line alone: the one spelling of its path, and the route that takes it.
fn entrance(policies: &Policies, head: &Parts) -> Result<(Arc<Route>, PathAndQuery), Refusal> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::MethodNotAllowed);
    }
    hygiene::check(head)?;
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > path::LONGEST) {
        return Err(Refusal::TargetTooLong);
    }
    let normal = path::normalize(head.uri.path()).map_err(Refusal::BadPath)?;
    let route = Arc::clone(policies.route(&normal).ok_or(Refusal::UnknownRoute)?);
    let target = target(&normal[route.strip.len()..], head.uri.query());
    Ok((route, target.ok_or(Refusal::BadPath(path::PathFault::ForbiddenCharacter))?))
}

fn target(path: &str, query: Option<&str>) -> Option<PathAndQuery> {
    match query {
        None => path.parse().ok(),
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok(),
    }
}

async fn pass(
    app: &App,
    (route, ejection): (&Route, &Ejection),
    target: PathAndQuery,
    mut head: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let deadline = Deadline::of_request(&head, route)?;
    let is_operator = || route.audience.is_some_and(|audience| app.translator.is_operator(&head.headers, audience));
    let admitted = app.shedder.admit(route, is_operator)?;
    let identity = match route.audience {
        Some(audience) => Some(app.translator.translate(&head.headers, audience).await?),
        None => None,
    };
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    headers::inbound(&mut head.headers, route, &app.origin, peer);
    if let Some(identity) = identity {
        head.headers.insert(header::AUTHORIZATION, identity);
    }
    let breaker = app.breakers.of(route, &head.method);
    breaker.check()?;
    let permit = app.bulkheads.enter(route, &deadline).await?;
    let call = breaker.admit()?;
    let message = Message { method: head.method, target, headers: head.headers };
    let answer = app.forwarder.send((route, ejection), deadline, message, body, permit).await;
    call.judge(&answer, &deadline);
    admitted.learn(&answer);
    answer
}
