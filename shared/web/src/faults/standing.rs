//! The faults there are, how often they were met, and when they are over. Plain: time and chance come in as parameters.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    declared::{Effect, Fault, is_below},
    routes::ROUTE,
};

/// The faults there are. Those that are over are gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StandingFaults {
    faults: Vec<Standing>,
}

/// A fault, and what is left of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Standing {
    pub fault: Fault,
    /// Requests that met it.
    #[schema(minimum = 0, example = 2)]
    pub met: u32,
    /// Requests that will still meet it. Absent if they are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 1, example = 1)]
    pub left: Option<u32>,
    /// Seconds until it is over. Absent if it has no end but its count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 0, example = 41)]
    pub seconds_left: Option<u64>,
    #[serde(skip)]
    #[schema(ignore)]
    until: Option<Instant>,
}

#[derive(Default)]
pub struct List(Vec<Standing>);

impl List {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn declare(&mut self, faults: Vec<Fault>, now: Instant) {
        self.0 = faults.into_iter().map(|fault| Standing::new(fault, now)).collect();
    }

    pub fn standing(&mut self, now: Instant) -> StandingFaults {
        self.drop_what_is_over(now);
        for it in &mut self.0 {
            it.seconds_left = it.until.map(|until| until.saturating_duration_since(now).as_secs());
        }
        StandingFaults { faults: self.0.clone() }
    }

    /// What such a request meets, which is counted. `chance` gives a number from 0 to 1.
    pub fn met_by(&mut self, method: &Method, path: &str, chance: impl Fn() -> f64, now: Instant) -> Option<Effect> {
        self.drop_what_is_over(now);
        if is_below(path, ROUTE) {
            return None;
        }
        let unlucky = |fault: &Fault| fault.probability.is_none_or(|share| chance() < share);
        let met = self.0.iter_mut().find(|it| it.fault.fits(method, path) && unlucky(&it.fault))?;
        met.met = met.met.saturating_add(1);
        met.left = met.left.map(|left| left.saturating_sub(1));
        let effect = met.fault.effect.clone();
        self.drop_what_is_over(now);
        Some(effect)
    }

    fn drop_what_is_over(&mut self, now: Instant) {
        self.0.retain(|it| it.left != Some(0) && it.until.is_none_or(|until| now < until));
    }
}

impl Standing {
    fn new(fault: Fault, now: Instant) -> Self {
        let until = fault.seconds.map(|seconds| now + Duration::from_secs(seconds.into()));
        Self { met: 0, left: fault.count, seconds_left: None, until, fault }
    }
}
