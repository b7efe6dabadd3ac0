//! What a request passes on its way to a service, from top to bottom.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::poll;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, header};
use tokio::time::{Instant, timeout_at};

use crate::claims::Claims;
use crate::compress::Accepts;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::formats::Shape;
use crate::forward::Message;
use crate::metering::Metered;
use crate::peer::Peer;
use crate::policies::Policies;
use crate::present::Present;
use crate::routes::Route;
use crate::shed::Admitted;
use crate::tags::Tags;
use crate::throttle::Standing;
use crate::{App, attempts, formats, headers, http_cache, hygiene, path, trail};

/// Answers whatever is not a page of the gateway's own, and says when. `present`: what the request came with; `peer`:
/// where it comes from; `now`: when it came.
pub fn forward(
    app: &Arc<App>,
    request: Request,
    present: Present,
    peer: Option<&Peer>,
    now: std::time::Instant,
) -> impl Future<Output = (Response, std::time::Instant)> {
    let (head, body) = request.into_parts();
    // Some kilobytes, which would be moved into each future around it. It is made where it stays: a value that is there
    // before its place is has to be moved.
    Box::into_pin(Box::write(Box::new_uninit(), govern(app, head, present, body, (peer, now.into()))))
}

async fn govern(
    app: &Arc<App>,
    mut head: Parts,
    present: Present,
    body: Body,
    (peer, now): (Option<&Peer>, Instant),
) -> (Response, std::time::Instant) {
    trail::lay(&mut head.headers, present);
    // Of what is only borrowed a thread can have eight at a time, beyond which each loan takes much longer.
    let policies = app.policies.load_full();
    let (route, mut target) = match entrance(&policies, &head, present) {
        Ok(entered) => entered,
        Err(refusal) => return (refusal.into_response(), std::time::Instant::now()),
    };
    let counted = app.meters.enter(&route, now.into_std());
    let encodings = Accepts::take(&route, &head.method, &mut head.headers, present);
    let tags = Tags::take(&route, &mut head.headers, present);
    let shape = Shape::take(&route, &head, present, &mut target);
    let mut noted = Noted { standing: Standing::default(), metered: app.metering.enter(&route), deadline: None };
    let answer = match &shape {
        Ok(_) => pass(app, (&policies, &route), &mut noted, target, (&mut head, present), (peer, now), body).await,
        Err(refusal) => Err(refusal.clone()),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    noted.standing.tell(response.headers_mut());
    if let Ok(Some(shape)) = shape {
        shape.give(&mut response, noted.deadline).await;
    }
    if let Some(encodings) = encodings {
        encodings.compress(&mut response).await;
    }
    if let Some(tags) = tags {
        tags.tell(&mut response);
    }
    let now = Instant::now().into_std();
    noted.metered.answered(response.status(), now);
    counted.answered(&response, now);
    (response, now)
}

// From the request line alone: the one spelling of its path, and the route that takes it.
fn entrance(policies: &Policies, head: &Parts, present: Present) -> Result<(Arc<Route>, PathAndQuery), Refusal> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::MethodNotAllowed);
    }
    hygiene::check(head, present)?;
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > path::LONGEST) {
        return Err(Refusal::TargetTooLong);
    }
    let normal = path::normalize(head.uri.path()).map_err(Refusal::BadPath)?;
    let route = Arc::clone(policies.route(&normal).ok_or(Refusal::UnknownRoute)?);
    let target = match (&normal, head.uri.path_and_query()) {
        // As it came, with its query; copied, or a key of the cache would keep all that was read from the connection with it.
        (Cow::Borrowed(_), Some(whole)) => whole.as_str()[route.strip.len()..].parse().ok(),
        _ => target(&normal[route.strip.len()..], head.uri.query()),
    };
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
    deadline: Option<Deadline>,
}

// By the client's plan, or by the address until the client is known.
async fn identify(
    app: &App,
    (policies, route): (&Policies, &Route),
    Noted { standing, metered, .. }: &mut Noted,
    request: &Parts,
    (peer, now): (Option<&Peer>, std::time::Instant),
) -> Result<Option<(HeaderValue, Arc<Claims>)>, Refusal> {
    let mut stranger = || app.throttle.address(policies.addresses, peer.map(Peer::ip), standing);
    let Some(audience) = route.audience else { return stranger().map(|()| None) };
    let (jwt, claims, proof) = app.translator.translate(request, audience, now, stranger).await?;
    metered.by(&claims);
    let plan = policies.plans.of(&claims.plan);
    // It may have taken long to know who it is, and buckets that others took from since then are of a later time.
    let now = Instant::now().into_std();
    app.throttle.caller(plan, &claims, standing, now)?;
    app.translator.use_up(proof)?;
    app.quotas.take(plan, &claims, standing, now).await?;
    Ok(Some((jwt, claims)))
}

async fn pass(
    app: &Arc<App>,
    (policies, route): (&Arc<Policies>, &Arc<Route>),
    noted: &mut Noted,
    target: PathAndQuery,
    (head, present): (&mut Parts, Present),
    (peer, now): (Option<&Peer>, Instant),
    body: Body,
) -> Result<Response, Refusal> {
    let deadline = Deadline::of_request(head, present, route, now)?;
    noted.deadline = Some(deadline);
    let is_operator = || route.audience.is_some_and(|audience| app.translator.is_operator(&head.headers, audience));
    let admitted = app.shedder.admit(route, now.into_std(), is_operator)?;
    let identity = {
        let mut identity = pin!(identify(app, (policies, route), noted, head, (peer, now.into_std())));
        let too_late = |_| Err(Refusal::Timeout { service: route.service, after: deadline.total });
        // Who is known already costs no timer.
        match poll!(identity.as_mut()) {
            Poll::Ready(identity) => identity,
            Poll::Pending => timeout_at(deadline.at, identity).await.unwrap_or_else(too_late),
        }
    }?;
    headers::inbound(&mut head.headers, present, route, peer);
    let mut class = None;
    if let Some((authorization, claims)) = identity {
        head.headers.insert(header::AUTHORIZATION, authorization);
        class = claims.class;
    }
    let body = formats::read(route, (&mut head.headers, present), body, &deadline).await?;
    let (method, headers) = (head.method.clone(), std::mem::take(&mut head.headers));
    let message = Box::new(Message { method, target, headers });
    let ahead = Ahead { app, policies, route, admitted: Some(&admitted) };
    http_cache::answer(ahead, class, deadline, (message, present), body).await
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
    /// To the service and back, from now on.
    pub async fn go(
        self,
        deadline: Deadline,
        message: Box<Message>,
        body: Body,
        now: Instant,
    ) -> Result<Response, Refusal> {
        let Self { app, policies, route, admitted } = self;
        let breaker = app.breakers.of(route, &message.method);
        breaker.check(now.into_std())?;
        let (permit, mut now) = app.bulkheads.enter(route, &deadline, now).await?;
        let upload = attempts::upload(route, &message.method, body, now.into_std())?;
        let call = breaker.admit(upload.clone(), now.into_std())?;
        let message = (message, upload.clone());
        let answer = app.forwarder.send((route, &policies.ejection), deadline, message, permit, &mut now).await;
        let now = if answer.is_ok() { now } else { Instant::now() }.into_std();
        call.judge(&answer, &deadline, now);
        if let Some(admitted) = admitted {
            admitted.learn(&answer, &upload, now);
        }
        answer
    }
}
