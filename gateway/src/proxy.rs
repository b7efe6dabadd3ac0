//! What a request passes on its way to a service, from top to bottom.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, header};
use tokio::time::timeout_at;

use crate::claims::Claims;
use crate::compress::Accepts;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::formats::Shape;
use crate::forward::Message;
use crate::metering::Metered;
use crate::policies::Policies;
use crate::routes::Route;
use crate::shed::Admitted;
use crate::tags::Tags;
use crate::throttle::Standing;
use crate::{App, attempts, formats, headers, http_cache, hygiene, path};

/// Answers whatever is not a page of the gateway's own.
pub async fn forward(State(app): State<Arc<App>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let policies = app.policies.load();
    let (route, mut target) = match entrance(&policies, &head) {
        Ok(entered) => entered,
        Err(refusal) => return refusal.into_response(),
    };
    let counted = app.meters.enter(&route);
    let encodings = Accepts::take(&route, &head.method, &mut head.headers);
    let tags = Tags::take(&route, &mut head.headers);
    let shape = Shape::take(&route, &head, &mut target);
    let mut noted = Noted { standing: Standing::default(), metered: app.metering.enter(&route) };
    let answer = match &shape {
        Ok(_) => pass(&app, (&policies, &route), &mut noted, target, head, body).await,
        Err(refusal) => Err(refusal.clone()),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    noted.standing.tell(response.headers_mut());
    if let Ok(Some(shape)) = shape {
        response = shape.give(response).await;
    }
    if let Some(encodings) = encodings {
        response = encodings.compress(response).await;
    }
    if let Some(tags) = tags {
        tags.tell(&mut response);
    }
    noted.metered.answered(response.status());
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

// What is to be said about a request when it is answered.
struct Noted {
    standing: Standing,
    metered: Metered,
}

// By the client's plan, or by the address until the client is known.
async fn identify(
    app: &App,
    (policies, route): (&Policies, &Route),
    Noted { standing, metered }: &mut Noted,
    request: &Parts,
    peer: Option<IpAddr>,
) -> Result<Option<(HeaderValue, Arc<Claims>)>, Refusal> {
    let mut stranger = || app.throttle.address(policies.addresses, peer, standing);
    let Some(audience) = route.audience else { return stranger().map(|()| None) };
    let (jwt, claims, proof) = app.translator.translate(request, audience, stranger).await?;
    metered.by(&claims);
    app.throttle.caller(&policies.plans, &claims, standing)?;
    app.translator.use_up(proof)?;
    app.quotas.take(&policies.plans, &claims, standing).await?;
    Ok(Some((jwt, claims)))
}

async fn pass(
    app: &Arc<App>,
    (policies, route): (&Arc<Policies>, &Arc<Route>),
    noted: &mut Noted,
    target: PathAndQuery,
    mut head: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let deadline = Deadline::of_request(&head, route)?;
    let is_operator = || route.audience.is_some_and(|audience| app.translator.is_operator(&head.headers, audience));
    let admitted = app.shedder.admit(route, is_operator)?;
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let identity = timeout_at(deadline.at, identify(app, (policies, route), noted, &head, peer)).await;
    let too_late = Refusal::Timeout { service: route.service, after: deadline.total };
    let identity = identity.unwrap_or(Err(too_late))?;
    headers::inbound(&mut head.headers, route, &app.origin, peer);
    let mut class = None;
    if let Some((authorization, claims)) = identity {
        head.headers.insert(header::AUTHORIZATION, authorization);
        class = claims.class;
    }
    let body = formats::read(route, &mut head.headers, body, &deadline).await?;
    let message = Message { method: head.method, target, headers: head.headers };
    let ahead = Ahead { app, policies, route, admitted: Some(&admitted) };
    http_cache::answer(ahead, class, deadline, message, body).await
}

/// The rest of the way, which a request goes that no copy answers.
#[derive(Clone, Copy)]
pub struct Ahead<'a> {
    pub app: &'a Arc<App>,
    pub policies: &'a Arc<Policies>,
    pub route: &'a Arc<Route>,
    /// What learns how long the service takes.
    pub admitted: Option<&'a Admitted>,
}

impl Ahead<'_> {
    /// To the service and back.
    pub async fn go(self, deadline: Deadline, message: Message, body: Body) -> Result<Response, Refusal> {
        let Self { app, policies, route, admitted } = self;
        let breaker = app.breakers.of(route, &message.method);
        breaker.check()?;
        let permit = app.bulkheads.enter(route, &deadline).await?;
        let upload = attempts::upload(route, &message.method, body)?;
        let call = breaker.admit(upload.clone())?;
        let answer = app.forwarder.send((route, &policies.ejection), deadline, message, upload.clone(), permit).await;
        call.judge(&answer, &deadline);
        if let Some(admitted) = admitted {
            admitted.learn(&answer, &upload);
        }
        answer
    }
}
