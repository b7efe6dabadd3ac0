//! Asking again: only what cannot happen twice, only as often as a budget allows, and never all at the same moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use serde::Deserialize;

use crate::kept::Kept;
use crate::policies::Within;
use crate::ring::Ring;
use crate::routes::Route;

const WINDOW: Duration = Duration::from_secs(10);

/// How often and when a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The first included.
    pub attempts: usize,
    /// How long an instance may be silent before another is asked, if there is one.
    pub attempt: Duration,
    /// The wait before the second attempt at an instance is drawn from zero to this, then to twice this, and so on,
    pub backoff: Duration,
    /// up to this.
    pub longest: Duration,
    /// Repetitions per hundred requests of the last ten seconds,
    pub budget: u32,
    /// and these more in every second.
    pub floor: u32,
    /// Bodies of repeatable requests are remembered up to this many bytes as they pass. A longer one that an instance has
    /// begun to read is sent once.
    pub body: usize,
}

/// A section `[retry.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    attempts: Within<2, 10>,
    attempt: Within<1, 600_000>,
    backoff: Within<1, 60_000>,
    longest: Within<1, 60_000>,
    budget: Within<0, 100>,
    floor: Within<0, 10_000>,
    body: Within<0, 1024>,
}

impl Section {
    /// The policy.
    pub fn policy(&self) -> Policy {
        Policy {
            attempts: self.attempts.get() as usize,
            attempt: Duration::from_millis(self.attempt.get().into()),
            backoff: Duration::from_millis(self.backoff.get().into()),
            longest: Duration::from_millis(self.longest.get().into()),
            budget: self.budget.get(),
            floor: self.floor.get(),
            body: self.body.get() as usize * 1024,
        }
    }
}

impl Policy {
    /// How long to wait for an instance before another is asked, when so much time is `left`: another needs some of it.
    pub fn patience(&self, left: Duration) -> Duration {
        self.attempt.min(left / 2)
    }

    /// How long to wait before the next attempt when there were `attempts`. `jitter` is from 0 to 1.
    pub fn delay(&self, attempts: usize, jitter: f64) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        doubled.min(self.longest).mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// Whether asking twice has the effect of asking once (RFC 9110 §9.2.2).
pub fn is_repeatable(method: &Method) -> bool {
    method.is_idempotent() && *method != Method::TRACE
}

/// Why an attempt brought no answer that could be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No byte was sent.
    NotConnected,
    /// It broke off; nobody knows whether the request took effect.
    BrokeOff,
    /// 503 with `Retry-After`: the instance says that it cannot now.
    NotNow,
    /// It has not answered within the time of an attempt.
    Silent,
}

impl Why {
    /// Whether a request that ended so may be sent again. `upload`: whether its body can be.
    pub fn may_repeat(self, method: &Method, upload: bool) -> bool {
        upload && (self == Self::NotConnected || is_repeatable(method))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::BrokeOff => "broke_off",
            Self::NotNow => "not_now",
            Self::Silent => "silent",
        }
    }
}

/// Service and name of the policy.
type Key = (&'static str, &'static str);

/// Every budget there is.
#[derive(Default)]
pub struct Budgets(Kept<Key, Policy, Budget>);

impl Budgets {
    /// The budget for such requests, if their route repeats any.
    pub fn of(&self, route: &Route) -> Option<Arc<Budget>> {
        let retry = route.retry?;
        let new = || Budget::new(&retry.policy, Instant::now());
        Some(Arc::clone(route.states.budget.get(|| self.0.of((route.service, retry.name), retry.policy, new))))
    }
}

/// How many repetitions are left: a share of what came in lately, so that a service in trouble is not asked thrice as
/// much as a healthy one.
pub struct Budget {
    percent: u64,
    floor: u64,
    // Requests, repetitions.
    spent: Mutex<Ring<2>>,
}

impl Budget {
    pub fn new(policy: &Policy, now: Instant) -> Self {
        let floor = u64::from(policy.floor) * WINDOW.as_secs();
        Self { percent: policy.budget.into(), floor, spent: Mutex::new(Ring::new(WINDOW, now)) }
    }

    /// A request came in.
    pub fn earn(&self, now: Instant) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).add([1, 0], now);
    }

    /// Whether one more repetition is affordable; it is spent then.
    pub fn spend(&self, now: Instant) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let [requests, repeated] = spent.sum(now).map(u64::from);
        let affordable = repeated < self.floor + requests * self.percent / 100;
        if affordable {
            spent.add([0, 1], now);
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        attempts: 3,
        attempt: Duration::from_secs(5),
        backoff: Duration::from_millis(20),
        longest: Duration::from_millis(100),
        budget: 20,
        floor: 2,
        body: 1024,
    };

    #[test]
    fn what_may_have_had_an_effect_is_repeated_only_if_twice_is_once() {
        use Why::{BrokeOff, NotConnected, NotNow};
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
            for why in [NotConnected, BrokeOff, NotNow] {
                assert!(why.may_repeat(&method, true), "{method} {why:?}");
                assert!(!why.may_repeat(&method, false), "{method} {why:?} without its body");
            }
        }
        let own = Method::from_bytes(b"PURCHASE").unwrap();
        for method in [Method::POST, Method::PATCH, own] {
            assert!(NotConnected.may_repeat(&method, true), "{method}");
            assert!(!BrokeOff.may_repeat(&method, true) && !NotNow.may_repeat(&method, true), "{method}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_spread_from_nothing() {
        let waits: Vec<_> = (1..6).map(|attempts| POLICY.delay(attempts, 1.0).as_millis()).collect();
        assert_eq!(waits, [20, 40, 80, 100, 100]);
        assert_eq!(POLICY.delay(3, 0.0), Duration::ZERO);
        assert!(POLICY.delay(usize::MAX, 1.0) <= POLICY.longest);
    }

    #[test]
    fn an_attempt_leaves_another_half_of_the_time() {
        let patience = |left: u64| POLICY.patience(Duration::from_secs(left)).as_secs();
        assert_eq!([0, 1, 4, 10, 15].map(|left| patience(left * 2)), [0, 1, 4, 5, 5]);
    }

    proptest! {
        #[test]
        fn repetitions_stay_within_the_share_and_the_floor(
            acts in prop::collection::vec((any::<bool>(), 0..40_u64), 1..600),
        ) {
            let began = Instant::now();
            let budget = Budget::new(&POLICY, began);
            let (mut now, mut requests, mut repeated) = (began, Vec::new(), Vec::new());
            for (comes, millis) in acts {
                now += Duration::from_millis(millis);
                if comes {
                    budget.earn(now);
                    requests.push(now);
                } else if budget.spend(now) {
                    repeated.push(now);
                }
                let lately = |times: &[Instant]| times.iter().filter(|at| now - **at < WINDOW).count();
                // The ring forgets by tenths of the window.
                let recently = |times: &[Instant]| times.iter().filter(|at| now - **at < WINDOW * 9 / 10).count();
                prop_assert!(recently(&repeated) <= 20 + lately(&requests) / 5 + lately(&repeated) - recently(&repeated));
            }
            now += WINDOW * 2;
            let afforded = (0..1_000).filter(|_| budget.spend(now)).count();
            prop_assert_eq!(afforded, 20);
        }
    }
}
