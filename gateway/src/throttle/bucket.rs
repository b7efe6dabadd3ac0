//! A token bucket as one number (generic cell rate algorithm): the time at which it will be full again. Time comes in as
//! a parameter, in nanoseconds of whatever clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::policies::Within;

const SECOND: u64 = 1_000_000_000;

/// So many requests at once, after which the bucket fills up evenly within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(from = "Section")]
pub struct Rate {
    #[schema(minimum = 1, example = 2000)]
    pub requests: u32,
    #[schema(minimum = 1, example = 10)]
    pub seconds: u32,
}

// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    requests: Within<1, 10_000_000>,
    seconds: Within<1, 86_400>,
}

impl From<Section> for Rate {
    fn from(section: Section) -> Self {
        Self { requests: section.requests.get(), seconds: section.seconds.get() }
    }
}

impl Rate {
    /// What one of so many gateways gives out. Each lets at least one request through at a time.
    pub fn share(self, gateways: u32) -> Share {
        let gateways = u64::from(gateways.max(1));
        let (requests, span) = (u64::from(self.requests), u64::from(self.seconds) * SECOND);
        let every = (span * gateways / requests).max(1);
        Share { every, full: every * (requests / gateways).max(1) }
    }
}

/// A rate, ready to be counted with: one request comes back every so many nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    every: u64,
    full: u64,
}

/// How a bucket stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests that it lets through now.
    pub requests: u64,
    /// Until it is full.
    pub full_in: Duration,
}

/// Empty: the next request is let through after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty {
    pub again_in: Duration,
    pub full_in: Duration,
}

impl Share {
    /// What a full bucket lets through at once.
    pub fn requests(&self) -> u64 {
        self.full / self.every
    }

    /// What a bucket lets through at once that is full again after this time.
    pub fn left(&self, full_in: Duration) -> u64 {
        let missing = u64::try_from(full_in.as_nanos()).unwrap_or(u64::MAX);
        self.full.saturating_sub(missing) / self.every
    }

    /// Takes one request out of the bucket that is full again at `full_at`; answers when it is full then. A bucket
    /// whose time is over is full, and one that another rate left behind is empty at the most.
    pub fn take(&self, full_at: u64, now: u64) -> Result<(u64, Left), Empty> {
        let after = full_at.clamp(now, now + self.full) + self.every;
        let room = (now + self.full).checked_sub(after);
        let Some(room) = room else {
            let (again_in, full_in) = (after - now - self.full, after - self.every - now);
            return Err(Empty { again_in: nanos(again_in), full_in: nanos(full_in) });
        };
        Ok((after, Left { requests: room / self.every, full_in: nanos(after - now) }))
    }
}

fn nanos(count: u64) -> Duration {
    Duration::from_nanos(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { requests: 10, seconds: 5 };

    // How many of these requests are let through.
    fn passed(share: &Share, at: impl IntoIterator<Item = u64>) -> u64 {
        let mut full_at = 0;
        at.into_iter().filter_map(|now| share.take(full_at, now).map(|(after, _)| full_at = after).ok()).count() as u64
    }

    #[test]
    fn a_full_bucket_lets_a_burst_through_and_says_what_is_left() {
        let share = RATE.share(1);
        let mut full_at = 0;
        for left in (0..10).rev() {
            let (after, standing) = share.take(full_at, SECOND).unwrap();
            assert_eq!(standing.requests, left);
            assert_eq!(standing.full_in, Duration::from_millis(500 * (10 - left)));
            full_at = after;
        }
        let empty = share.take(full_at, SECOND).unwrap_err();
        assert_eq!(empty, Empty { again_in: Duration::from_millis(500), full_in: Duration::from_secs(5) });
        assert!(share.take(full_at, SECOND + SECOND / 2).is_ok());
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        for gateways in 1..=10 {
            let share = RATE.share(gateways);
            let at_once = passed(&share, std::iter::repeat_n(0, 100)) * u64::from(gateways);
            assert!(at_once <= 10, "{gateways} gateways let {at_once} through at once");
            let steady = passed(&share, (0..1_000).map(|nth| nth * SECOND / 10)) * u64::from(gateways);
            // 100 seconds at two a second, and the burst.
            assert!((200..=210).contains(&steady), "{gateways} gateways let {steady} through");
        }
    }

    #[test]
    fn a_bucket_of_a_slower_rate_is_empty_at_the_most() {
        let slow = Rate { requests: 1, seconds: 86_400 }.share(1);
        let (full_at, _) = slow.take(0, 0).unwrap();
        let empty = RATE.share(1).take(full_at, 0).unwrap_err();
        assert_eq!(empty.again_in, Duration::from_millis(500));
    }

    proptest! {
        #[test]
        fn in_any_span_no_more_pass_than_the_burst_and_what_came_back(
            requests in 1_u32..1_000, seconds in 1_u32..100, gateways in 1_u32..5,
            pauses in prop::collection::vec(0_u64..(2 * SECOND), 1..300),
        ) {
            let share = Rate { requests, seconds }.share(gateways);
            let mut now = 0;
            let at: Vec<_> = pauses.iter().map(|pause| { now += pause; now }).collect();
            let span = at[at.len() - 1] - at[0];
            prop_assert!(passed(&share, at) <= share.full / share.every + span / share.every + 1);
        }
    }
}
