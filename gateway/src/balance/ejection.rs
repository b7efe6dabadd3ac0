//! When an instance gets no requests, for how long, and how it comes back. Plain: time comes in as a parameter.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::policies::Within;
use crate::ring::Ring;

/// The section `[ejection]`, the same for all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures one after another.
    pub failures: u32,
    /// Or of so many calls in the window
    pub calls: u32,
    /// this share, in percent, if the others fail less than half as often.
    pub errors: u32,
    /// How long it is left alone at first, before it is probed. Each further time is twice as long,
    pub first: Duration,
    /// up to this.
    pub longest: Duration,
    /// How long it takes until it gets its full share again. A failure meanwhile ejects it anew.
    pub ramp: Duration,
    /// Nobody is spared when less than this share of the instances would be left, in percent.
    pub panic: usize,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    failures: Within<1, 1_000>,
    calls: Within<1, 1_000_000>,
    errors: Within<1, 100>,
    first: Within<1, 600>,
    longest: Within<1, 3_600>,
    ramp: Within<1, 600>,
    panic: Within<0, 100>,
}

impl Section {
    /// The settings.
    pub fn ejection(&self) -> Ejection {
        let seconds = |count: u32| Duration::from_secs(count.into());
        Ejection {
            failures: self.failures.get(),
            calls: self.calls.get(),
            errors: self.errors.get(),
            first: seconds(self.first.get()),
            longest: seconds(self.longest.get()),
            ramp: seconds(self.ramp.get()),
            panic: self.panic.get() as usize,
        }
    }
}

impl Default for Ejection {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let (first, longest, ramp) = (seconds(1), seconds(30), seconds(5));
        Self { failures: 5, calls: 20, errors: 50, first, longest, ramp, panic: 30 }
    }
}

const WINDOW: Duration = Duration::from_secs(10);
/// Enough to be found out.
const LEAST_WEIGHT: f64 = 0.05;

impl Ejection {
    /// Whether too few of `all` are left to spare the others.
    pub fn panics(&self, left: usize, all: usize) -> bool {
        left * 100 < self.panic * all
    }

    /// The share of the draws in which an instance takes part that returned so long ago.
    pub fn weight(&self, returned: Duration) -> f64 {
        returned.div_duration_f64(self.ramp).clamp(LEAST_WEIGHT, 1.0)
    }
}

/// What is known of an instance's answers.
#[derive(Debug)]
pub struct Record {
    in_a_row: u32,
    // Calls, failed.
    window: Ring<2>,
    standing: Standing,
    ejections: u32,
}

#[derive(Debug)]
enum Standing {
    Well,
    /// It gets nothing; from then on it is probed.
    Out(Instant),
    /// A probe was answered then.
    Back(Instant),
}

impl Record {
    pub fn new(now: Instant) -> Self {
        Self { in_a_row: 0, window: Ring::new(WINDOW, now), standing: Standing::Well, ejections: 0 }
    }

    /// Of the window: calls, failed.
    pub fn lately(&mut self, now: Instant) -> [u32; 2] {
        self.window.sum(now)
    }

    pub fn succeeded(&mut self, policy: &Ejection, now: Instant) {
        self.in_a_row = 0;
        self.window.add([1, 0], now);
        // Its past is forgiven.
        if matches!(self.standing, Standing::Back(since) if now >= since + policy.ramp) {
            (self.standing, self.ejections) = (Standing::Well, 0);
        }
    }

    /// Whether this failure ejects it. `others`: calls and failures of the others.
    pub fn failed(&mut self, policy: &Ejection, others: [u32; 2], now: Instant) -> bool {
        self.in_a_row += 1;
        self.window.add([1, 1], now);
        let ejects = match self.standing {
            // What was under way then ejects it no further.
            Standing::Out(_) => return false,
            Standing::Back(since) if now < since + policy.ramp => true,
            _ => self.in_a_row >= policy.failures || self.is_worse(policy, others, now),
        };
        if ejects {
            self.eject(policy, now);
        }
        ejects
    }

    /// From here on it gets nothing, until a probe is answered.
    pub fn eject(&mut self, policy: &Ejection, now: Instant) {
        let doubled = policy.first.saturating_mul(1 << self.ejections.min(16));
        self.ejections += 1;
        self.in_a_row = 0;
        self.window = Ring::new(WINDOW, now);
        self.standing = Standing::Out(now + doubled.min(policy.longest.max(policy.first)));
    }

    /// Whether it is time to probe it.
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.standing, Standing::Out(until) if now >= until)
    }

    /// It answered the probe, or is left out for longer. Whether it is back.
    pub fn probed(&mut self, policy: &Ejection, well: bool, now: Instant) -> bool {
        if well {
            self.standing = Standing::Back(now);
        } else {
            self.eject(policy, now);
        }
        well
    }

    fn is_worse(&mut self, policy: &Ejection, [their_calls, their_failed]: [u32; 2], now: Instant) -> bool {
        let [calls, failed] = self.window.sum(now).map(u64::from);
        let (their_calls, their_failed) = (u64::from(their_calls), u64::from(their_failed));
        let often = calls >= policy.calls.into() && failed * 100 >= calls * u64::from(policy.errors);
        // Without others there is nothing to compare with.
        often && their_calls > 0 && failed * their_calls > 2 * their_failed * calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Ejection = Ejection {
        failures: 5,
        calls: 20,
        errors: 50,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(5),
        ramp: Duration::from_secs(10),
        panic: 30,
    };

    #[test]
    fn so_many_failures_in_a_row_eject_it_and_a_success_begins_anew() {
        let now = Instant::now();
        let mut record = Record::new(now);
        for _ in 0..4 {
            assert!(!record.failed(&POLICY, [0, 0], now));
        }
        record.succeeded(&POLICY, now);
        for _ in 0..4 {
            assert!(!record.failed(&POLICY, [0, 0], now));
        }
        assert!(record.failed(&POLICY, [0, 0], now));
        // What was under way then ejects it no further.
        assert!(!record.failed(&POLICY, [0, 0], now));
        assert!(!record.is_due(now) && record.is_due(now + POLICY.first));
    }

    // How long it is left alone from now on, in seconds.
    fn lasts(record: &Record, now: Instant) -> u64 {
        (0..60).find(|&seconds| record.is_due(now + Duration::from_secs(seconds))).unwrap()
    }

    #[test]
    fn a_failure_on_its_return_ejects_it_for_twice_as_long_and_time_forgives() {
        let mut now = Instant::now();
        let mut record = Record::new(now);
        record.eject(&POLICY, now);
        for expected in [1, 2, 4, 5] {
            assert_eq!(lasts(&record, now), expected);
            now += Duration::from_secs(expected);
            assert!(record.probed(&POLICY, true, now) && !record.is_due(now));
            now += POLICY.ramp / 2;
            record.succeeded(&POLICY, now);
            assert!(record.failed(&POLICY, [0, 0], now));
        }
        assert!(record.probed(&POLICY, true, now));
        now += POLICY.ramp;
        record.succeeded(&POLICY, now);
        assert!(!record.failed(&POLICY, [0, 0], now));
        record.eject(&POLICY, now);
        assert_eq!(lasts(&record, now), 1);
    }

    #[test]
    fn a_probe_that_fails_leaves_it_out_for_twice_as_long_and_time_alone_brings_nobody_back() {
        let now = Instant::now();
        let mut record = Record::new(now);
        record.eject(&POLICY, now);
        assert!(!record.probed(&POLICY, false, now));
        assert_eq!(lasts(&record, now), 2);
        let much_later = now + POLICY.longest * 100;
        record.succeeded(&POLICY, much_later);
        assert!(record.is_due(much_later) && !record.failed(&POLICY, [0, 0], much_later));
    }

    #[test]
    fn the_share_grows_from_a_little_to_all() {
        let shares = [0, 1, 5, 10, 60].map(|seconds| POLICY.weight(Duration::from_secs(seconds)));
        assert!(
            shares.iter().zip([0.05, 0.1, 0.5, 1.0, 1.0]).all(|(is, wanted)| (is - wanted).abs() < 1e-9),
            "{shares:?}"
        );
    }
}
