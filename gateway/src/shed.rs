//! Rejects cheap what would come too late: a limit of requests at a time for each route, which follows how fast its
//! service answers. Operators are let in beyond it, since they are who can help.

mod limit;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::response::Response;
use serde::Deserialize;

use crate::{body::Upload, error::Refusal, kept::Kept, policies::Within, routes::Route};
use limit::Limit;

/// A section `[shed.…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Section")]
pub struct Policy {
    /// The limit is never lower.
    pub least: usize,
    /// Nor higher.
    pub most: usize,
    /// Where it begins.
    pub start: usize,
    /// What is answered within this time is not too slow.
    pub calm: Duration,
    /// What takes longer than this many hundredths of the usual time is too slow.
    pub tolerance: u32,
}

// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    least: Within<1, 100_000>,
    most: Within<1, 100_000>,
    start: Within<1, 100_000>,
    calm: Within<1, 600_000>,
    tolerance: Within<101, 10_000>,
}

impl TryFrom<Section> for Policy {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, &'static str> {
        let [least, most, start] = [section.least, section.most, section.start].map(|it| it.get() as usize);
        if !(least <= start && start <= most) {
            return Err("`start` must be from `least` to `most`");
        }
        let calm = Duration::from_millis(section.calm.get().into());
        Ok(Self { least, most, start, calm, tolerance: section.tolerance.get() })
    }
}

/// The limits of all routes.
#[derive(Default)]
pub struct Shedder(Kept<&'static str, Policy, Limiter>);

/// One of them.
pub struct Limiter {
    route: &'static str,
    now: AtomicUsize,
    in_flight: AtomicUsize,
    limit: Mutex<Limit>,
}

impl Shedder {
    /// Lets a request in if there is room, or if `is_urgent`, which is asked only if there is none.
    pub fn admit(&self, route: &Route, now: Instant, is_urgent: impl FnOnce() -> bool) -> Result<Admitted, Refusal> {
        let Some(shed) = &route.shed else { return Ok(Admitted(None)) };
        let limiter = || self.0.of(route.prefix, shed.policy, || Limiter::new(route.prefix, shed.policy));
        let limiter = Arc::clone(route.states.limiter.get(limiter));
        let (before, limit) = (limiter.in_flight.fetch_add(1, Relaxed), limiter.now.load(Relaxed));
        let admitted = Admitted(Some((limiter, now)));
        if before >= limit && !is_urgent() {
            metrics::counter!("gateway_shed_total", "route" => route.prefix).increment(1);
            return Err(Refusal::Saturated { service: route.service });
        }
        Ok(admitted)
    }

    /// All limits as they stand now, by route: route, limit, in flight.
    pub fn snapshot(&self) -> Vec<(&'static str, usize, usize)> {
        let all = self.0.all().into_iter();
        let mut all: Vec<_> =
            all.map(|(route, it)| (route, it.now.load(Relaxed), it.in_flight.load(Relaxed))).collect();
        all.sort_unstable();
        all
    }
}

impl Limiter {
    fn new(route: &'static str, policy: Policy) -> Self {
        let limit = Mutex::new(Limit::new(policy, Instant::now()));
        let limiter = Self { route, now: AtomicUsize::new(policy.start), in_flight: AtomicUsize::new(0), limit };
        limiter.show();
        limiter
    }

    // A sample is not worth waiting for.
    fn learn(&self, took: Duration, now: Instant) {
        let Ok(mut limit) = self.limit.try_lock() else { return };
        if limit.answered(now, took, self.in_flight.load(Relaxed)) {
            self.now.store(limit.now(), Relaxed);
            self.show();
        }
    }

    #[allow(clippy::cast_precision_loss)] // limits are small
    fn show(&self) {
        metrics::gauge!("gateway_shed_limit", "route" => self.route).set(self.now.load(Relaxed) as f64);
    }
}

/// A request that was let in, until its answer begins.
pub struct Admitted(Option<(Arc<Limiter>, Instant)>);

impl Admitted {
    /// Learns from how long the answer took, without what the caller took to send its request. Refusals other than the
    /// service's silence say nothing about that.
    pub fn learn(&self, answer: &Result<Response, Refusal>, upload: &Upload, now: Instant) {
        let says = match answer {
            Ok(response) => !response.status().is_server_error(),
            Err(refusal) => matches!(refusal, Refusal::Timeout { .. }),
        };
        if let (Some((limiter, began)), Some(sending)) = (self.0.as_ref().filter(|_| says), upload.took()) {
            limiter.learn(now.saturating_duration_since(*began).saturating_sub(sending), now);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some((limiter, _)) = &self.0 {
            limiter.in_flight.fetch_sub(1, Relaxed);
        }
    }
}
