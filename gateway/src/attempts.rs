//! One request, in as many attempts as its policy allows: each chooses an instance, and what comes of it decides whether
//! there is another.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use http::{Method, StatusCode, header};
use hyper::body::Body as _;
use tokio::time::{self, sleep, timeout_at};

use crate::balance::{self, Ejection, InFlight, Instance};
use crate::body::Upload;
use crate::bulkhead::Permit;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::forward::{Forwarder, Message, chain, fault, respond};
use crate::pool::Leased;
use crate::retry::{self, Budget, Why};
use crate::routes::Route;
use crate::trail;

/// A request on its way, with the instances that were asked, in order.
struct Request<'r> {
    route: &'r Route,
    ejection: &'r Ejection,
    deadline: Deadline,
    message: Box<Message>,
    upload: Upload,
    budget: Option<Arc<Budget>>,
    asked: Vec<Arc<Instance>>,
    /// An attempt brought no answer, and nobody knows what it did.
    may_have_acted: bool,
}

/// Noted of an answer: an attempt before it may have done what was asked for.
#[derive(Clone, Copy)]
pub struct Repeated;

/// What an attempt brought.
enum Outcome {
    Answer(http::Response<Leased>, InFlight),
    /// For this reason there may be another; if not, this is what the caller is told.
    Again(Why, Instead),
    /// It was silent, so that another one is asked in its place.
    Elsewhere(Next),
    Refused(Refusal),
}

/// Who is asked next, and with which body.
type Next = (Arc<Instance>, Body);

enum Instead {
    Answer(http::Response<Leased>, InFlight),
    Refusal(Refusal),
}

/// A request's body as the route takes it.
pub fn upload(route: &Route, method: &Method, body: Body, now: Instant) -> Result<Upload, Refusal> {
    let limit = route.body_limit;
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let room = route.retry.filter(|_| retry::is_repeatable(method)).map_or(0, |retry| retry.policy.body);
    Ok(Upload::new(body, limit, route.pause, room, now))
}

impl Forwarder {
    /// Forwards within the route's limits and the deadline. `permit` is held until the end of the answer's body. `now`
    /// is when it begins, and then when the answer came.
    pub async fn send(
        &self,
        (route, ejection): (&Route, &Ejection),
        deadline: Deadline,
        (message, upload): (Box<Message>, Upload),
        permit: Permit,
        now: &mut time::Instant,
    ) -> Result<Response, Refusal> {
        let budget = self.budgets.of(route);
        let asked = Vec::with_capacity(1);
        let mut request = Request { route, ejection, deadline, message, upload, budget, asked, may_have_acted: false };
        let (answer, held) = self.attempts(&mut request, now).await?;
        let mut response = respond(route, answer, (held, permit));
        if request.may_have_acted {
            response.extensions_mut().insert(Repeated);
        }
        Ok(response)
    }

    async fn attempts(
        &self,
        request: &mut Request<'_>,
        now: &mut time::Instant,
    ) -> Result<(http::Response<Leased>, InFlight), Refusal> {
        if let Some(budget) = &request.budget {
            budget.earn(now.into_std());
        }
        let service = request.route.service;
        let instance = self.choose(request, now.into_std()).ok_or(Refusal::NoInstance { service })?;
        // Nobody has taken anything of it.
        let mut next = (instance, request.upload.offer().unwrap_or_default());
        loop {
            let (instance, body) = next;
            request.asked.push(Arc::clone(&instance));
            next = match self.ask(request, &instance, body, now).await {
                Outcome::Answer(answer, held) => return Ok((answer, held)),
                Outcome::Refused(refusal) => return Err(refusal),
                Outcome::Elsewhere(next) => {
                    request.may_have_acted = true;
                    next
                }
                // What is seldom is not part of every request's state.
                Outcome::Again(why, instead) => match Box::pin(self.next(request, why)).await {
                    Some(next) => {
                        request.may_have_acted |= why == Why::BrokeOff;
                        next
                    }
                    // That the last one could not be reached does not say that nothing was done.
                    None if request.may_have_acted && why == Why::NotConnected => {
                        return Err(Refusal::BadAnswer { service });
                    }
                    None => return instead.told(),
                },
            };
            *now = time::Instant::now();
        }
    }

    // No longer than until the deadline.
    async fn ask(
        &self,
        request: &mut Request<'_>,
        instance: &Arc<Instance>,
        body: Body,
        now: &mut time::Instant,
    ) -> Outcome {
        let began = *now;
        let mut sent = request.message.to(instance, body);
        // The same for each attempt, or new: not worth to be copied.
        self.origin.tell(sent.headers_mut());
        request.deadline.pass_on(sent.headers_mut(), began);
        let mut attempt = pin!(self.attempt(instance, sent, began.into_std()));
        let patience = request.patience(began);
        let answer = match timeout_at(began + patience, &mut attempt).await {
            Ok(answer) => answer,
            Err(_) => match Box::pin(self.elsewhere(request, instance, patience)).await {
                Some(next) => {
                    instance.recent.answered(patience, true, Instant::now());
                    return Outcome::Elsewhere(next);
                }
                None => match timeout_at(request.deadline.at, attempt).await {
                    Ok(answer) => answer,
                    Err(_) => return Outcome::Refused(self.time_is_over(request)),
                },
            },
        };
        *now = time::Instant::now();
        let (now, failed) = (now.into_std(), answer.as_ref().map_or(true, |(it, _)| it.status().is_server_error()));
        instance.recent.answered(now.saturating_duration_since(began.into_std()), failed, now);
        if let Ok((answer, _)) = &answer {
            self.blame(request, instance, says_of_instance(answer.status(), request), now);
        }
        match answer {
            // Nobody asked for another protocol.
            Ok((answer, _)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                Outcome::Refused(Refusal::BadAnswer { service: request.route.service })
            }
            Ok((answer, held)) if is_not_now(&answer) => Outcome::Again(Why::NotNow, Instead::Answer(answer, held)),
            Ok((answer, held)) => Outcome::Answer(answer, held),
            Err(error) if error.is_connect() => {
                let request_id = trail::id(&request.message.headers);
                tracing::warn!(request_id, instance = %instance.authority, cause = chain(&error), "cannot connect");
                instance.refused(request.ejection, Instant::now());
                let unreachable = Refusal::Unreachable { service: request.route.service };
                Outcome::Again(Why::NotConnected, Instead::Refusal(unreachable))
            }
            Err(error) => match fault(request.route, trail::id(&request.message.headers), &error) {
                broke_off @ Refusal::BadAnswer { .. } => {
                    self.blame(request, instance, Some(false), now);
                    Outcome::Again(Why::BrokeOff, Instead::Refusal(broke_off))
                }
                refusal => Outcome::Refused(refusal),
            },
        }
    }

    /// Another instance than this one, which was silent for so long. None: it is waited for.
    async fn elsewhere(&self, request: &Request<'_>, silent: &Arc<Instance>, waited: Duration) -> Option<Next> {
        // As long as the caller sends, it is the caller who is slow.
        let next = if request.upload.is_finished() { self.next(request, Why::Silent).await } else { None }?;
        // Who sets a short deadline ejects no instance for others, nor does who sends slowly.
        let waited = request.upload.rests(Instant::now()).map_or(waited, |rests| rests.min(waited));
        if request.route.retry.is_some_and(|retry| waited >= retry.policy.attempt) {
            self.blame(request, silent, Some(false), Instant::now());
        }
        Some(next)
    }

    /// The instance that is asked next, after a wait if it was asked before. None: the caller is told what there is.
    async fn next(&self, request: &Request<'_>, why: Why) -> Option<Next> {
        let retry = request.route.retry?.policy;
        let attempts = request.asked.len();
        if attempts >= retry.attempts || !why.may_repeat(&request.message.method, request.upload.is_whole()) {
            return None;
        }
        let other = self.choose(request, Instant::now());
        let delay = if other.is_some() { Duration::ZERO } else { retry.delay(attempts, rand::random()) };
        // One that says that it cannot now is not asked again, nor is one that still may answer.
        let exhausted = other.is_none() && matches!(why, Why::NotNow | Why::Silent);
        let too_late = time::Instant::now() + delay >= request.deadline.at;
        if exhausted || too_late || !request.may_spend(why) {
            return None;
        }
        // Before the wait, during which the last attempt may still take of it, and more than is remembered.
        let body = request.upload.offer()?;
        sleep(delay).await;
        let next =
            other.or_else(|| self.choose(request, Instant::now())).or_else(|| request.asked.last().map(Arc::clone));
        next.map(|next| (next, body))
    }

    fn time_is_over(&self, request: &Request<'_>) -> Refusal {
        if !request.upload.is_finished() {
            return Refusal::BodyTooSlow;
        }
        if let Some(asked) = request.asked.last() {
            asked.recent.answered(request.deadline.total, true, Instant::now());
        }
        if let Some(asked) = request.asked.last().filter(|_| !request.was_short()) {
            self.blame(request, asked, Some(false), Instant::now());
        }
        Refusal::Timeout { service: request.route.service, after: request.deadline.total }
    }

    // `well`: whether it answered as it should; none if that cannot be told.
    fn blame(&self, request: &Request<'_>, instance: &Arc<Instance>, well: Option<bool>, now: Instant) {
        match well {
            Some(true) => instance.succeeded(request.ejection, now),
            Some(false) => {
                let instances = self.discovery.instances(request.route.service);
                instance.failed(request.ejection, balance::others(&instances, instance, now), now);
            }
            None => {}
        }
    }

    // One that was not asked yet. The instances may have changed since the last attempt.
    fn choose(&self, request: &Request<'_>, now: Instant) -> Option<Arc<Instance>> {
        let instances = self.discovery.instances(request.route.service);
        balance::choose(&instances, &request.asked, request.ejection, now).map(Arc::clone)
    }
}

impl Request<'_> {
    // What cannot be sent again is waited for until its time is over.
    fn patience(&self, now: time::Instant) -> Duration {
        let left = self.deadline.at.saturating_duration_since(now);
        let retry = self.route.retry.filter(|_| retry::is_repeatable(&self.message.method));
        retry.map_or(left, |retry| retry.policy.patience(left))
    }

    // Who sets a short deadline, or leaves little of it, ejects no instance for others.
    fn was_short(&self) -> bool {
        self.deadline.is_callers || !self.upload.was_quick(self.deadline.total)
    }

    fn may_spend(&self, why: Why) -> bool {
        let affordable = self.budget.as_ref().is_some_and(|budget| budget.spend(Instant::now()));
        let (service, outcome) = (self.route.service, if affordable { "repeated" } else { "over_budget" });
        let labels = [("service", service), ("why", why.as_str()), ("outcome", outcome)];
        metrics::counter!("gateway_retries_total", &labels).increment(1);
        affordable
    }
}

impl Instead {
    fn told(self) -> Result<(http::Response<Leased>, InFlight), Refusal> {
        match self {
            Self::Answer(answer, held) => Ok((answer, held)),
            Self::Refusal(refusal) => Err(refusal),
        }
    }
}

fn says_of_instance(status: StatusCode, request: &Request<'_>) -> Option<bool> {
    match status.as_u16() {
        504 if request.was_short() => None,
        500 | 502..=504 => Some(false),
        _ => Some(true),
    }
}

fn is_not_now(answer: &http::Response<Leased>) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.headers().contains_key(header::RETRY_AFTER)
}
