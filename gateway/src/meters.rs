//! What is counted of every request. To find a metric by its labels costs much more than to count, so each is looked up
//! once.

use std::{sync::Arc, time::Instant};

use axum::response::Response;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{kept::Kept, routes::Route};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The metrics of every route.
#[derive(Default)]
pub struct Meters(Kept<Key, (), OfRoute>);

type Key = (&'static str, &'static str);

struct OfRoute {
    in_flight: Gauge,
    by_class: [Counter; CLASSES.len()],
    seconds: Histogram,
}

impl Meters {
    /// Counts a request in until the answer is dropped or told how it was answered.
    pub fn enter(&self, route: &Route) -> Counted {
        let key = (route.prefix, route.service);
        let meters = self.0.of(key, (), || OfRoute::new(key));
        meters.in_flight.increment(1);
        Counted { meters, began: Instant::now() }
    }
}

impl OfRoute {
    fn new((route, service): Key) -> Self {
        Self {
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
    pub fn answered(self, response: &Response) {
        let class = usize::from(response.status().as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.meters.by_class[class].increment(1);
        self.meters.seconds.record(self.began.elapsed().as_secs_f64());
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.meters.in_flight.decrement(1);
    }
}
