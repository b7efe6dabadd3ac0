//! What becomes of a request: answered with a copy, with the copy that somebody else is getting, or by the service.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::timeout_at;

use super::change::change;
use super::control::Wants;
use super::flights::{Landed, Lead};
use super::freshness::{Freshness, Times, Use};
use super::status::{Status, Why};
use super::stored::{self, Stored};
use super::variant::Variant;
use super::{Cache, Key, Look, is_plain};
use crate::claims::Class;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::forward::Message;
use crate::present::Present;
use crate::proxy::Ahead;

/// The answer to a request, from its route's cache if that may be. `caller` tells those who may see the same from others;
/// `present`: what it came with.
pub async fn answer(
    ahead: Ahead<'_>,
    caller: Option<Class>,
    deadline: Deadline,
    (message, present): (Box<Message>, Present),
    body: Body,
) -> Result<Response, Refusal> {
    let now = tokio::time::Instant::now();
    let Some(cache) = ahead.app.caches.of(ahead.route) else { return ahead.go(deadline, message, body, now).await };
    if !message.method.is_safe() {
        return Box::pin(change(cache, ahead, deadline, message, body)).await;
    }
    let says = present.has(Present::CACHE_CONTROL);
    let wants = if says { Wants::of(&message.headers) } else { Wants::default() };
    let plain = is_plain(&message.method, &message.headers, present) && body.is_end_stream() && !wants.no_store;
    let Some(class) = caller.filter(|_| plain) else {
        return forwarded(cache, ahead.go(deadline, message, body, now).await, Why::Bypass);
    };
    let key = Key { service: ahead.route.service, class, target: message.target.clone() };
    let look = cache.look(&key, &message.headers, &wants, now.into_std());
    if matches!(look, Look::Pass) && !wants.only_if_cached {
        return forwarded(cache, ahead.go(deadline, message, body, now).await, Why::UriMiss);
    }
    let visit = Visit { cache: Arc::clone(cache), ahead, key, wants, deadline, message };
    match look {
        Look::Copy(stored, usable) if usable != Use::Ask => Ok(visit.copy(&stored, usable)),
        // It waits for others, or asks for them: seldom, and much more to keep in mind.
        _ => Box::pin(visit.answer()).await,
    }
}

/// The service's answer, with what became of it here.
pub fn forwarded(cache: &Cache, answer: Result<Response, Refusal>, why: Why) -> Result<Response, Refusal> {
    let status = Status::Forwarded { why, stored: false };
    cache.count(status);
    let mut response = answer?;
    status.tell(response.headers_mut());
    Ok(response)
}

/// A request for something that is kept, or could be.
struct Visit<'a> {
    cache: Arc<Cache>,
    ahead: Ahead<'a>,
    key: Key,
    wants: Wants,
    deadline: Deadline,
    message: Box<Message>,
}

impl Visit<'_> {
    async fn answer(self) -> Result<Response, Refusal> {
        loop {
            let (why, old) = match self.look() {
                Look::Copy(stored, Use::Ask) => (why_not(&stored), Some(stored)),
                Look::Copy(stored, usable) => return Ok(self.copy(&stored, usable)),
                Look::Pass if !self.wants.only_if_cached => return self.pass(Why::UriMiss).await,
                Look::Pass => return Err(Refusal::NotKept),
                Look::Miss(why) => (why, None),
            };
            if self.wants.only_if_cached {
                return Err(Refusal::NotKept);
            }
            // The content is needed to keep it.
            if self.message.method == Method::HEAD {
                return self.pass(why).await;
            }
            let generation = self.cache.generation(&self.key);
            if self.wants.no_cache {
                let lead = self.cache.flights.lead_alone(&self.key, generation);
                return self.ask(lead, why, old).await;
            }
            let flight = match self.cache.flights.join_or_lead(&self.key, generation) {
                Ok(flight) => flight,
                Err(lead) => match self.look() {
                    // Somebody has just brought it.
                    Look::Copy(stored, usable) if usable != Use::Ask => return Ok(self.copy(&stored, usable)),
                    _ => return self.ask(lead, why, old).await,
                },
            };
            let landed = timeout_at(self.deadline.at, flight.landed()).await;
            match landed.map_err(|_| self.too_late())? {
                Landed::Gone => {}
                Landed::Stored(stored) if !stored.variant.matches(&self.message.headers) => {}
                Landed::Stored(stored) if stored.freshness.allows(&self.wants, Instant::now()) != Use::Ask => {
                    let ttl = stored.freshness.seconds_left(Instant::now());
                    return Ok(self.respond(&stored, Status::Joined { why, ttl }));
                }
                Landed::Failed if self.outlasts_error(old.as_deref()) => {
                    return Ok(self.instead(old.as_deref(), None).unwrap_or_default());
                }
                Landed::Stored(_) | Landed::Alone | Landed::Failed => return self.pass(why).await,
            }
        }
    }

    fn look(&self) -> Look {
        self.cache.look(&self.key, &self.message.headers, &self.wants, Instant::now())
    }

    // A stale one will do, and the next caller is to have a better one.
    fn copy(&self, stored: &Arc<Stored>, usable: Use) -> Response {
        if usable == Use::Stale {
            self.ask_meanwhile(stored);
        }
        self.respond(stored, Status::Hit { ttl: stored.freshness.seconds_left(Instant::now()) })
    }

    fn respond(&self, stored: &Stored, status: Status) -> Response {
        self.cache.count(status);
        stored.respond(&self.message.method, &self.message.headers, status, Instant::now())
    }

    async fn pass(self, why: Why) -> Result<Response, Refusal> {
        let now = tokio::time::Instant::now();
        forwarded(&self.cache, self.ahead.go(self.deadline, self.message, Body::empty(), now).await, why)
    }

    fn too_late(&self) -> Refusal {
        Refusal::Timeout { service: self.key.service, after: self.deadline.total }
    }

    fn outlasts_error(&self, old: Option<&Stored>) -> bool {
        old.is_some_and(|old| old.freshness.outlasts_error(&self.wants, Instant::now()))
    }

    fn instead(&self, old: Option<&Stored>, failed: Option<StatusCode>) -> Option<Response> {
        let old = old.filter(|old| self.outlasts_error(Some(old)))?;
        let ttl = old.freshness.seconds_left(Instant::now());
        Some(self.respond(old, Status::Instead { failed, ttl }))
    }

    fn ask_meanwhile(&self, stored: &Arc<Stored>) {
        let Err(lead) = self.cache.flights.join_or_lead(&self.key, stored.generation) else { return };
        let route = self.ahead.route;
        let (app, policies, route) = (Arc::clone(self.ahead.app), Arc::clone(self.ahead.policies), Arc::clone(route));
        let (cache, key, message) = (Arc::clone(&self.cache), self.key.clone(), self.message.clone());
        let message = Box::new(Message { method: Method::GET, ..*message });
        let (deadline, old) = (Deadline::in_full(&route), Some(Arc::clone(stored)));
        tokio::spawn(async move {
            let ahead = Ahead { app: &app, policies: &policies, route: &route, admitted: None };
            let visit = Visit { cache, ahead, key, wants: Wants::default(), deadline, message };
            // What failed is asked again by the next caller.
            let _ = visit.ask(lead, Why::Stale, old).await;
        });
    }

    // Asks the service, for all who wait.
    async fn ask(self, lead: Lead, why: Why, mut old: Option<Arc<Stored>>) -> Result<Response, Refusal> {
        loop {
            let asked = Instant::now();
            let question = self.question(old.as_deref());
            let answer = self.ahead.go(self.deadline, question, Body::empty(), asked.into()).await;
            let failed = match &answer {
                Ok(response) => is_failure(response.status()).then(|| Some(response.status())),
                Err(refusal) => is_failure(refusal.problem().status()).then_some(None),
            };
            if let Some(failed) = failed {
                // Who set itself a short time learns that it was too short. It says nothing to those who wait, nor has it
                // landed: one of them asks anew.
                if !self.was_short(&answer) {
                    lead.land(Landed::Failed);
                }
                return match self.instead(old.as_deref(), failed) {
                    Some(stale) => Ok(stale),
                    None => forwarded(&self.cache, answer, why),
                };
            }
            let response = answer?;
            let known = match old.take() {
                Some(known) if response.status() == StatusCode::NOT_MODIFIED => known,
                old => return self.take(lead, why, response, (asked, old)).await,
            };
            // What the 304 is about may have been another answer: then this one is asked for without conditions.
            if let Some(headers) = known.updated(response.headers()) {
                return Ok(self.renew(lead, why, &known, headers, asked));
            }
        }
    }

    fn question(&self, old: Option<&Stored>) -> Box<Message> {
        let mut question = self.message.clone();
        question.headers.remove(header::IF_NONE_MATCH);
        question.headers.remove(header::IF_MODIFIED_SINCE);
        if let Some(old) = old {
            old.ask_about(&mut question.headers);
        }
        question
    }

    // A new answer, which is kept if it may be.
    async fn take(
        self,
        lead: Lead,
        why: Why,
        response: Response,
        (asked, old): (Instant, Option<Arc<Stored>>),
    ) -> Result<Response, Refusal> {
        let (head, body) = response.into_parts();
        let length = body.size_hint().exact().filter(|length| *length <= self.cache.policy.largest);
        let kept = self.may_keep(head.status, &head.headers, asked).filter(|_| length.is_some());
        let Some((freshness, variant)) = kept else {
            self.pass_for_a_while();
            lead.land(Landed::Alone);
            let response = Response::from_parts(head, body);
            return forwarded(&self.cache, Ok(stored::unless_known(&self.message.headers, response)), why);
        };
        let body = match timeout_at(self.deadline.at, body.collect()).await {
            // In memory of its own, as its headers.
            Ok(Ok(body)) => Ok(Bytes::copy_from_slice(&body.to_bytes())),
            Ok(Err(_)) => Err(Refusal::BadAnswer { service: self.key.service }),
            Err(_) => Err(self.too_late()),
        };
        let body = match body {
            Ok(body) => body,
            Err(refusal) => return self.instead(old.as_deref(), None).ok_or(refusal),
        };
        let generation = lead.generation;
        let (status, headers) = (head.status, stored::own(&head.headers));
        let stored = Stored { status, headers, body, freshness, variant, generation };
        let stored = self.keep(lead, stored);
        Ok(self.respond(&stored, Status::Forwarded { why, stored: true }))
    }

    // The answer that was there, which is right again.
    fn renew(&self, lead: Lead, why: Why, known: &Stored, headers: HeaderMap, asked: Instant) -> Response {
        let kept = self.may_keep(known.status, &headers, asked);
        let (freshness, variant) = kept.clone().unwrap_or_else(|| (known.freshness, known.variant.clone()));
        let (status, body, generation) = (known.status, known.body.clone(), lead.generation);
        let stored = Stored { status, headers: stored::own(&headers), body, freshness, variant, generation };
        let stored = if kept.is_some() {
            self.keep(lead, stored)
        } else {
            self.pass_for_a_while();
            lead.land(Landed::Alone);
            Arc::new(stored)
        };
        let ttl = stored.freshness.seconds_left(Instant::now());
        self.respond(&stored, Status::Revalidated { why, ttl })
    }

    fn pass_for_a_while(&self) {
        self.cache.pass_for_a_while(&self.key, &self.message.headers, Instant::now());
    }

    fn was_short(&self, answer: &Result<Response, Refusal>) -> bool {
        let late = match answer {
            Ok(response) => response.status() == StatusCode::GATEWAY_TIMEOUT,
            Err(refusal) => matches!(refusal, Refusal::Timeout { .. }),
        };
        late && self.deadline.is_callers
    }

    fn may_keep(&self, status: StatusCode, headers: &HeaderMap, asked: Instant) -> Option<(Freshness, Variant)> {
        let times = Times { asked, came: Instant::now(), clock: std::time::SystemTime::now() };
        let freshness = Freshness::of(headers, self.cache.policy.longest, times)?;
        let of_use = stored::may_be_kept(status, headers) && freshness.is_of_use(headers);
        let variant = Variant::of(headers, &self.message.headers).filter(|_| of_use)?;
        Some((freshness, variant))
    }

    fn keep(&self, lead: Lead, mut stored: Stored) -> Arc<Stored> {
        // It is said anew each time. So is its age, but not to who asked for it.
        stored.headers.remove(header::CONTENT_LENGTH);
        let stored = Arc::new(stored);
        self.cache.keep(self.key.clone(), &stored, &self.message.headers);
        lead.land(Landed::Stored(Arc::clone(&stored)));
        stored
    }
}

fn why_not(stored: &Stored) -> Why {
    if stored.freshness.seconds_left(Instant::now()) > 0 { Why::Request } else { Why::Stale }
}

// RFC 5861, section 4.
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502..=504)
}
