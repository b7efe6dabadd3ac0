//! Who is near a limit, or beyond it: for operators to see. Noted of those alone, so that all others pay nothing for it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use utoipa::ToSchema;

use super::bucket::Share;

/// Whoever has less than this part of a limit left is near it.
const PART: u64 = 5;
/// So many are remembered.
const ROOM: usize = 200;

/// Somebody who is near a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Near {
    #[schema(value_type = String, example = "client", pattern = "^(address|user|client|day)$")]
    pub limit: &'static str,
    /// An address, or the network of one; a client; a client and its user.
    #[schema(example = "reporting")]
    pub who: String,
    /// Requests that this gateway would let through now; of a day, that all of them may let through.
    #[schema(minimum = 0, example = 12)]
    pub left: u64,
    /// Of so many.
    #[schema(minimum = 1, example = 2000)]
    pub of: u64,
    /// Requests that this gateway refused since then.
    #[schema(minimum = 0, example = 0)]
    pub refused: u64,
}

impl Near {
    /// Whether so much is so little.
    pub fn is(left: u64, of: u64) -> bool {
        left.saturating_mul(PART) < of
    }
}

/// All who are near a limit of requests in a time.
#[derive(Default)]
pub struct All(Mutex<HashMap<(&'static str, String), Noted>>);

struct Noted {
    share: Share,
    full_at: Instant,
    refused: u64,
}

impl All {
    /// Notes one whose bucket is full again after `full_in`. It is left out if another one is being noted at this moment:
    /// a note is not worth waiting for.
    pub fn note(
        &self,
        limit: &'static str,
        who: impl FnOnce() -> String,
        (share, full_in): (&Share, Duration),
        refused: bool,
        now: Instant,
    ) {
        let Ok(mut all) = self.0.try_lock() else { return };
        let key = (limit, who());
        if !all.contains_key(&key) && all.len() >= ROOM {
            all.retain(|_, noted| noted.is_near(now));
            if all.len() >= ROOM {
                return;
            }
        }
        let noted = all.entry(key).or_insert(Noted { share: *share, full_at: now, refused: 0 });
        (noted.share, noted.full_at) = (*share, now + full_in);
        noted.refused += u64::from(refused);
    }

    /// Those who are near now. The others are forgotten.
    pub fn now(&self, now: Instant) -> Vec<Near> {
        // Every change of it is whole.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, noted| noted.is_near(now));
        let near = all.iter().map(|((limit, who), noted)| noted.near(limit, who.clone(), now));
        near.collect()
    }
}

impl Noted {
    fn left(&self, now: Instant) -> u64 {
        self.share.left(self.full_at.saturating_duration_since(now))
    }

    fn is_near(&self, now: Instant) -> bool {
        Near::is(self.left(now), self.share.requests())
    }

    fn near(&self, limit: &'static str, who: String, now: Instant) -> Near {
        Near { limit, who, left: self.left(now), of: self.share.requests(), refused: self.refused }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::Rate;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_is_near_a_limit_is_seen_until_enough_came_back() {
        let (all, share, now) = (All::default(), Rate { requests: 10, seconds: 10 }.share(1), Instant::now());
        all.note("client", || "demo".to_owned(), (&share, 9 * SECOND), false, now);
        all.note("client", || "demo".to_owned(), (&share, 10 * SECOND), true, now);
        let near = Near { limit: "client", who: "demo".to_owned(), left: 0, of: 10, refused: 1 };
        assert_eq!(all.now(now), std::slice::from_ref(&near));
        assert_eq!(all.now(now + SECOND), [Near { left: 1, ..near }]);
        // Two of ten are a fifth.
        assert_eq!(all.now(now + 2 * SECOND), []);
        assert_eq!(all.now(now), []);
    }

    #[test]
    fn however_many_are_near_the_bound_holds_and_those_who_are_no_longer_make_room() {
        let (all, share, now) = (All::default(), Rate { requests: 10, seconds: 10 }.share(1), Instant::now());
        let come = |from: usize, now| {
            for nth in from..from + 2 * ROOM {
                all.note("address", || nth.to_string(), (&share, 10 * SECOND), true, now);
            }
        };
        come(0, now);
        assert_eq!(all.now(now).len(), ROOM);
        come(1_000, now + 5 * SECOND);
        let later = all.now(now + 5 * SECOND);
        assert!(later.len() == ROOM && later.iter().all(|it| it.who.parse::<usize>().unwrap() >= 1_000));
    }
}
