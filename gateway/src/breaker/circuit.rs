//! The circuit itself: closed, open, half-open. Plain: time and results come in as parameters, nothing here waits.

use std::time::{Duration, Instant};

use super::Policy;
use crate::ring::Ring;

/// What the circuit lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// A few calls that try whether it is well again.
    HalfOpen,
}

/// What a call was let in with. Its result counts only in the generation in which it was let in.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    generation: u64,
    number: u64,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub failed: bool,
    pub slow: bool,
}

/// Counts of the window: calls, failed, slow.
pub type Counts = [u32; 3];

#[derive(Debug)]
pub struct Circuit {
    policy: Policy,
    inner: Inner,
    // One more with every change of state.
    generation: u64,
    admitted: u64,
    window: Ring<3>,
}

#[derive(Debug)]
enum Inner {
    Closed,
    Open {
        until: Instant,
    },
    HalfOpen {
        /// The probes that are out, and when each must be back.
        out: Vec<(u64, Instant)>,
        good: u32,
    },
}

impl Circuit {
    pub fn new(policy: Policy, now: Instant) -> Self {
        Self { policy, inner: Inner::Closed, generation: 0, admitted: 0, window: Ring::new(policy.window, now) }
    }

    /// Says whether [`Circuit::admit`] would let a call in; if not, when to come again.
    pub fn check(&mut self, now: Instant) -> Result<(), Duration> {
        self.turn_to(now);
        match &self.inner {
            Inner::Closed => Ok(()),
            Inner::Open { until } => Err(until.saturating_duration_since(now)),
            Inner::HalfOpen { out, good } if out.len() < (self.policy.probes - good) as usize => Ok(()),
            Inner::HalfOpen { out, .. } => {
                Err(out.first().map_or(Duration::ZERO, |(_, back)| back.saturating_duration_since(now)))
            }
        }
    }

    /// Lets a call in, or says when to come again.
    pub fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        self.check(now)?;
        self.admitted += 1;
        if let Inner::HalfOpen { out, .. } = &mut self.inner {
            out.push((self.admitted, now + self.policy.probe));
        }
        Ok(Ticket { generation: self.generation, number: self.admitted })
    }

    /// How an admitted call went. `None`: it says nothing about the service.
    pub fn settle(&mut self, ticket: Ticket, outcome: Option<Outcome>, now: Instant) {
        self.turn_to(now);
        if ticket.generation != self.generation {
            return;
        }
        if let Inner::HalfOpen { out, .. } = &mut self.inner {
            out.retain(|(number, _)| *number != ticket.number);
        }
        match (&mut self.inner, outcome) {
            (Inner::Closed, Some(Outcome { failed, slow })) => {
                self.window.add([1, failed.into(), slow.into()], now);
                self.open_if_too_bad(now);
            }
            (Inner::HalfOpen { .. }, Some(outcome)) if outcome.failed || outcome.slow => self.open(now),
            (Inner::HalfOpen { good, .. }, Some(_)) => {
                *good += 1;
                if *good == self.policy.probes {
                    self.window = Ring::new(self.policy.window, now);
                    self.change(Inner::Closed);
                }
            }
            (_, None) | (Inner::Open { .. }, _) => {}
        }
    }

    /// What it lets through now, and what its window holds.
    pub fn read(&mut self, now: Instant) -> (State, Counts) {
        self.turn_to(now);
        (self.state(), self.window.sum(now))
    }

    pub fn state(&self) -> State {
        match self.inner {
            Inner::Closed => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    // What time alone does: an open circuit is tried again, a probe that does not come back has failed.
    fn turn_to(&mut self, now: Instant) {
        match &self.inner {
            Inner::Open { until } if now >= *until => self.change(Inner::HalfOpen { out: Vec::new(), good: 0 }),
            Inner::HalfOpen { out, .. } if out.iter().any(|(_, back)| now >= *back) => self.open(now),
            // Good calls may fall out of the window.
            Inner::Closed if self.window.turns(now) => self.open_if_too_bad(now),
            _ => {}
        }
    }

    fn open_if_too_bad(&mut self, now: Instant) {
        let [calls, failed, slow] = self.window.sum(now).map(u64::from);
        let reaches = |count: u64, percent: u32| count * 100 >= calls * u64::from(percent);
        let tells = calls >= self.policy.calls.into();
        if tells && (reaches(failed, self.policy.errors) || reaches(slow, self.policy.slow)) {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.change(Inner::Open { until: now + self.policy.open });
    }

    fn change(&mut self, inner: Inner) {
        self.inner = inner;
        self.generation += 1;
    }
}
