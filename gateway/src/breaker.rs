//! A service that fails or crawls is not asked for a while: the caller hears so at once, and the service gets time.
//! One circuit per service, policy and class of methods.

#[cfg(test)]
mod callers;
mod circuit;
#[cfg(test)]
mod laws;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::response::Response;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::body::Upload;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::kept::Kept;
use crate::policies::Within;
use crate::routes::Route;
use circuit::{Circuit, Outcome, Ticket};
pub use circuit::{Counts, State};

/// When a circuit opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How far it looks back.
    pub window: Duration,
    /// Fewer calls in the window tell nothing.
    pub calls: u32,
    /// It opens when this share of them failed, in percent,
    pub errors: u32,
    /// or when this share took as long as `slow_after`, in percent.
    pub slow: u32,
    pub slow_after: Duration,
    /// How long nothing is let through.
    pub open: Duration,
    /// This many calls must then go well, and no more are let through at a time.
    pub probes: u32,
    /// A probe that is not back by then has failed.
    pub probe: Duration,
}

/// A section `[breaker.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    window: Within<1, 600>,
    calls: Within<1, 1_000_000>,
    errors: Within<1, 100>,
    slow: Within<1, 100>,
    slow_after: Within<1, 600_000>,
    open: Within<1, 600>,
    probes: Within<1, 1_000>,
    probe: Within<1, 600>,
}

impl Section {
    /// The policy.
    pub fn policy(&self) -> Policy {
        let seconds = |count: u32| Duration::from_secs(count.into());
        Policy {
            window: seconds(self.window.get()),
            calls: self.calls.get(),
            errors: self.errors.get(),
            slow: self.slow.get(),
            slow_after: Duration::from_millis(self.slow_after.get().into()),
            open: seconds(self.open.get()),
            probes: self.probes.get(),
            probe: seconds(self.probe.get()),
        }
    }
}

/// Reading may go well where writing does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Read,
    Write,
}

impl Class {
    /// The class of a method: the safe ones read (RFC 9110 §9.2.1).
    pub fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Read } else { Self::Write }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Service, name of the policy, class.
type Key = (&'static str, &'static str, Class);

/// Every circuit there is.
#[derive(Default)]
pub struct Breakers(Kept<Key, Policy, Breaker>);

impl Breakers {
    /// The one that guards such a request, if its route has any.
    pub fn of(&self, route: &Route, method: &Method) -> Guard {
        Guard(route.breaker.map(|breaker| {
            let key = (route.service, breaker.name, Class::of(method));
            let find = || self.0.of(key, breaker.policy, || Breaker::new(key, breaker.policy, Instant::now()));
            Arc::clone(route.states.breakers[key.2 as usize].get(find))
        }))
    }

    /// All of them as they stand now, by service.
    pub fn snapshot(&self, now: Instant) -> Vec<Standing> {
        let mut all: Vec<_> = self.0.all().into_iter().map(|(_, breaker)| breaker.standing(now)).collect();
        all.sort_by_key(|standing| (standing.service, standing.policy, standing.class));
        all
    }
}

/// How one circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub service: &'static str,
    pub policy: &'static str,
    pub class: Class,
    pub state: State,
    /// Of the window: calls, failed, slow.
    pub counts: Counts,
}

/// One circuit, and how it is called.
pub struct Breaker {
    key: Key,
    policy: Policy,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    fn new(key: Key, policy: Policy, now: Instant) -> Self {
        show(key, State::Closed);
        Self { key, policy, circuit: Mutex::new(Circuit::new(policy, now)) }
    }

    // Whatever is done to the circuit, a change of its state is said.
    fn with<T>(&self, act: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuit = self.lock();
        let before = circuit.state();
        let acted = act(&mut circuit);
        let state = circuit.state();
        if state != before {
            let (service, policy, class) = self.key;
            tracing::warn!(service, policy, class = class.as_str(), ?before, ?state, "circuit");
            show(self.key, state);
        }
        acted
    }

    fn standing(&self, now: Instant) -> Standing {
        let (service, policy, class) = self.key;
        let (state, counts) = self.with(|circuit| circuit.read(now));
        Standing { service, policy, class, state, counts }
    }

    // A circuit is consistent after every statement, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, again: Duration) -> Refusal {
        let (service, _, class) = self.key;
        metrics::counter!("gateway_breaker_refusals_total", "service" => service, "class" => class.as_str())
            .increment(1);
        Refusal::CircuitOpen { service, class: class.as_str(), again }
    }
}

// One of the three is 1.
fn show((service, policy, class): Key, now: State) {
    for (state, name) in [(State::Closed, "closed"), (State::Open, "open"), (State::HalfOpen, "half_open")] {
        let labels = [("service", service), ("policy", policy), ("class", class.as_str()), ("state", name)];
        metrics::gauge!("gateway_breaker_state", &labels).set(f64::from(u8::from(state == now)));
    }
}

/// The breaker on a request's way, if there is one.
pub struct Guard(Option<Arc<Breaker>>);

impl Guard {
    /// Refuses if the circuit lets nothing through: before the request waits for a place.
    pub fn check(&self, now: Instant) -> Result<(), Refusal> {
        let Some(breaker) = &self.0 else { return Ok(()) };
        breaker.with(|circuit| circuit.check(now)).map_err(|again| breaker.refusal(again))
    }

    /// Lets the request in. As soon as all of `upload` has come, its time is the service's.
    pub fn admit(self, upload: Upload, now: Instant) -> Result<Call, Refusal> {
        let Some(breaker) = self.0 else { return Ok(Call { admitted: None, upload }) };
        match breaker.with(|circuit| circuit.admit(now)) {
            Ok(ticket) => Ok(Call { admitted: Some((breaker, ticket)), upload }),
            Err(again) => Err(breaker.refusal(again)),
        }
    }
}

/// A request that was let in, until its outcome is known. The caller may go away before, and then it is dropped.
pub struct Call {
    admitted: Option<(Arc<Breaker>, Ticket)>,
    upload: Upload,
}

impl Call {
    /// What the answer says about the service.
    pub fn judge(mut self, answer: &Result<Response, Refusal>, deadline: &Deadline, now: Instant) {
        // Who sets a short deadline, or leaves little of it, learns that it was too short, and opens no circuit for others.
        let was_short = || deadline.is_callers || !self.upload.was_quick(deadline.total);
        let failed = match answer {
            Ok(response) => match response.status().as_u16() {
                504 if was_short() => None,
                500 | 502..=504 => Some(true),
                _ => Some(false),
            },
            Err(Refusal::Timeout { .. }) if was_short() => None,
            Err(Refusal::Timeout { .. } | Refusal::Unreachable { .. } | Refusal::BadAnswer { .. }) => Some(true),
            // Faults of the caller, and a service that nobody runs: nothing needs to be spared.
            Err(_) => return self.settle(None, now),
        };
        self.settle(self.outcome(failed, now), now);
    }

    fn outcome(&self, failed: Option<bool>, now: Instant) -> Option<Outcome> {
        let (breaker, _) = self.admitted.as_ref()?;
        // Not before the caller has sent all: until then it is the caller who is slow.
        let slow = self.upload.rests(now).is_some_and(|rests| rests >= breaker.policy.slow_after);
        match failed {
            Some(failed) => Some(Outcome { failed, slow }),
            // Nobody waited for the end, but it was slow before.
            None => slow.then_some(Outcome { failed: false, slow }),
        }
    }

    fn settle(&mut self, outcome: Option<Outcome>, now: Instant) {
        let Some((breaker, ticket)) = self.admitted.take() else { return };
        breaker.with(|circuit| circuit.settle(ticket, outcome, now));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.admitted.is_some() {
            let now = Instant::now();
            self.settle(self.outcome(None, now), now);
        }
    }
}
