//! What is counted of every request. To find a metric by its labels costs much more than to count, so each is looked up
//! once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use axum::response::Response;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{kept::Kept, recent::Recent, routes::Route};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The metrics of every route.
#[derive(Default)]
pub struct Meters {
    routes: Kept<Key, (), OfRoute>,
    services: Kept<&'static str, (), Recent>,
}

type Key = (&'static str, &'static str);

/// What is counted of one route.
pub struct OfRoute {
    in_flight: Gauge,
    by_class: [Counter; CLASSES.len()],
    seconds: Histogram,
    recent: Arc<Recent>,
}

impl Meters {
    /// Counts a request in until the answer is dropped or told how it was answered.
    pub fn enter(&self, route: &Route, now: Instant) -> Counted {
        let key = (route.prefix, route.service);
        let find = || self.routes.of(key, (), || OfRoute::new(key, self.lately(route.service)));
        let meters = Arc::clone(route.states.meters.get(find));
        meters.in_flight.increment(1);
        Counted { meters, began: now }
    }

    /// What a service answered lately, as callers saw it.
    pub fn lately(&self, service: &'static str) -> Arc<Recent> {
        self.services.of(service, (), Recent::default)
    }
}

impl OfRoute {
    fn new((route, service): Key, recent: Arc<Recent>) -> Self {
        Self {
            recent,
            in_flight: gauge!("gateway_in_flight", "service" => service),
            by_class: CLASSES.map(|class| counter!("gateway_requests_total", "route" => route, "status" => class)),
            seconds: histogram!("gateway_request_seconds", "route" => route),
        }
    }
}

/// A request that is counted. A caller may go away at any time, and then it is just no longer there.
pub struct Counted {
    meters: Arc<OfRoute>,
    began: Instant,
}

impl Counted {
    /// The answer begins.
    pub fn answered(self, response: &Response, now: Instant) {
        let class = usize::from(response.status().as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.meters.by_class[class].increment(1);
        let took = now.saturating_duration_since(self.began);
        self.meters.seconds.record(took.as_secs_f64());
        self.meters.recent.answered(took, response.status().is_server_error(), now);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.meters.in_flight.decrement(1);
    }
}

/// A counter that is shown to operators as well.
pub struct Tally {
    counter: Counter,
    total: AtomicU64,
}

impl Tally {
    pub fn new(counter: Counter) -> Self {
        Self { counter, total: AtomicU64::new(0) }
    }

    /// One more.
    pub fn count(&self) {
        self.counter.increment(1);
        self.total.fetch_add(1, Relaxed);
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}
