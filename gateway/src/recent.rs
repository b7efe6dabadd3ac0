//! How somebody did lately: how many requests, how many went wrong, how long they took. Times fall into buckets, each an
//! eighth of a doubling wide, so that a percentile costs no list of samples.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use utoipa::ToSchema;

use crate::ring::Ring;

const WINDOW: Duration = Duration::from_mins(1);
/// In each doubling.
const STEPS: usize = 8;
/// From a microsecond to a quarter of an hour.
const DOUBLINGS: usize = 30;
const TIMES: usize = STEPS * DOUBLINGS;
const FAILED: usize = TIMES;

/// What was answered in the last minute.
#[derive(Debug)]
pub struct Recent(Mutex<Ring<{ TIMES + 1 }>>);

/// The last minute in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Lately {
    /// Requests that were answered, per second.
    #[schema(minimum = 0, example = 120.5)]
    pub per_second: f64,
    /// Requests that were answered.
    #[schema(minimum = 0, example = 7230)]
    pub answered: u64,
    /// Of them with 5xx, or not at all.
    #[schema(minimum = 0, example = 2)]
    pub failed: u64,
    /// Half were answered within so many milliseconds. Absent when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 0, example = 3.4)]
    pub p50_ms: Option<f64>,
    /// 99 of 100 were.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 0, example = 21.0)]
    pub p99_ms: Option<f64>,
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new(Ring::new(WINDOW, Instant::now())))
    }
}

impl Recent {
    /// One request was answered.
    pub fn answered(&self, took: Duration, failed: bool, now: Instant) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.count(bucket(took), now);
        if failed {
            ring.count(FAILED, now);
        }
    }

    /// The last minute.
    #[allow(clippy::cast_precision_loss)] // counts of a minute
    pub fn lately(&self, now: Instant) -> Lately {
        let (counts, covers) = {
            let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (ring.sum(now), ring.covers(now))
        };
        let times = &counts[..TIMES];
        let answered: u64 = times.iter().copied().map(u64::from).sum();
        let percentile = |percent| within(times, answered, percent).map(|micros| (micros / 100.0).round() / 10.0);
        Lately {
            per_second: (answered as f64 / covers.as_secs_f64().max(1.0) * 100.0).round() / 100.0,
            answered,
            failed: counts[FAILED].into(),
            p50_ms: percentile(50),
            p99_ms: percentile(99),
        }
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let doubling = micros.ilog2();
    // The three bits after the first.
    let step = if doubling >= 3 { micros >> (doubling - 3) } else { micros << (3 - doubling) } & 7;
    (doubling as usize * STEPS + usize::try_from(step).unwrap_or(0)).min(TIMES - 1)
}

// In the middle of its bucket, in microseconds.
#[allow(clippy::cast_precision_loss)] // numbers below 240
fn within(times: &[u32], all: u64, percent: u64) -> Option<f64> {
    let rank = (all * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let found = times.iter().position(|count| {
        seen += u64::from(*count);
        seen >= rank
    });
    let found = found.filter(|_| all > 0)?;
    let doubling = i32::try_from(found / STEPS).unwrap_or(0);
    Some((STEPS as f64 + (found % STEPS) as f64 + 0.5) / STEPS as f64 * 2f64.powi(doubling))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_minute_is_told_in_numbers_and_then_forgotten() {
        let (recent, now) = (Recent::default(), Instant::now());
        for nth in 1..=100 {
            recent.answered(Duration::from_millis(nth), nth > 98, now);
        }
        let lately = recent.lately(now);
        assert_eq!((lately.answered, lately.failed), (100, 2));
        let (p50, p99) = (lately.p50_ms.unwrap(), lately.p99_ms.unwrap());
        assert!((47.0..54.0).contains(&p50) && (92.0..106.0).contains(&p99), "{lately:?}");
        let later = recent.lately(now + 2 * WINDOW);
        assert_eq!((later.answered, later.p50_ms, later.p99_ms), (0, None, None));
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_a_fifteenth_at_the_most(micros in prop::collection::vec(8_u64..500_000_000, 1..300)) {
            let now = Instant::now();
            let recent = Recent::default();
            for it in &micros {
                recent.answered(Duration::from_micros(*it), false, now);
            }
            let mut sorted = micros.clone();
            sorted.sort_unstable();
            let lately = recent.lately(now);
            for (percent, told) in [(50, lately.p50_ms), (99, lately.p99_ms)] {
                let is = Duration::from_micros(sorted[(sorted.len() * percent).div_ceil(100) - 1]).as_secs_f64() * 1_000.0;
                prop_assert!((told.unwrap() - is).abs() <= is / 15.0 + 0.06, "{percent}: {told:?} for {is}");
            }
        }
    }
}
