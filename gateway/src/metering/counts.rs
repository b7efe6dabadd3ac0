//! The counts of calls until they are cut off and announced. Bounded; each thread counts by itself.

use std::{
    cell::Cell,
    collections::BTreeMap,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use contracts::gateway::{CallsMetered, MeteredCalls};
use foldhash::{HashMap, quality::RandomState};
use time::{Date, Duration, OffsetDateTime, Time};
use uuid::Uuid;

use crate::{claims::Claims, day};

const SHARDS: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static OWN: Cell<usize> = Cell::new(THREADS.fetch_add(1, Relaxed) % SHARDS);
}

// Client, plan, day.
type Whose = (Arc<str>, Arc<str>, Date);
// By route and status.
type Calls = BTreeMap<(&'static str, u16), u64>;

/// Calls by client, plan, day, route and status.
pub struct Counts {
    // By a hash of what a line is about: nothing is copied to count on.
    shards: Vec<Mutex<HashMap<u64, Line>>>,
    hasher: RandomState,
    // Of one shard.
    room: usize,
}

struct Line {
    client: Arc<str>,
    plan: Arc<str>,
    day: Date,
    route: &'static str,
    status: u16,
    count: u64,
}

impl Counts {
    /// Of up to so many kinds at a time.
    pub fn new(room: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::default(), room: room.div_ceil(SHARDS) }
    }

    /// Counts one call; false if there is no room for one of its kind.
    pub fn add(&self, claims: &Claims, route: &'static str, status: u16, day: u64) -> bool {
        let (client, plan) = (&claims.client, &claims.plan);
        let key = self.hasher.hash_one((&**client, &**plan, day, route, status));
        let mut lines = self.shards[OWN.get()].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get_mut(&key) {
            line.count += 1;
            return true;
        }
        if lines.len() >= self.room {
            return false;
        }
        let (client, plan, day) = (Arc::clone(client), Arc::clone(plan), day::date(day));
        lines.insert(key, Line { client, plan, day, route, status, count: 1 });
        true
    }

    /// Takes out all that was counted `since`, as what is to be announced: one event for each client, plan and day.
    pub fn cut(&self, gateway: Uuid, since: OffsetDateTime, until: OffsetDateTime) -> Vec<CallsMetered> {
        let taken =
            self.shards.iter().map(|it| std::mem::take(&mut *it.lock().unwrap_or_else(PoisonError::into_inner)));
        let mut clients: BTreeMap<Whose, Calls> = BTreeMap::new();
        for line in taken.flat_map(HashMap::into_values) {
            let calls = clients.entry((line.client, line.plan, line.day)).or_default();
            *calls.entry((line.route, line.status)).or_default() += line.count;
        }
        let event = |((client, plan, day), calls): (Whose, Calls)| {
            let begins = OffsetDateTime::new_utc(day, Time::MIDNIGHT);
            let since = since.clamp(begins, begins + LAST);
            CallsMetered {
                client_id: client.to_string(),
                plan: plan.to_string(),
                gateway,
                since,
                until: until.clamp(since, begins + LAST),
                calls: calls.into_iter().flat_map(|((route, status), count)| calls_of(route, status, count)).collect(),
            }
        };
        clients.into_iter().map(event).collect()
    }
}

// Of a day.
const LAST: Duration = Duration::nanoseconds(86_400 * 1_000_000_000 - 1);

// A line has up to 2^32 - 1 of them; who cannot announce for long has more.
fn calls_of(route: &str, status: u16, mut count: u64) -> Vec<MeteredCalls> {
    let mut lines = Vec::with_capacity(1);
    while count > 0 {
        let some = u32::try_from(count).unwrap_or(u32::MAX);
        lines.push(MeteredCalls { route: route.to_owned(), status, count: some });
        count -= u64::from(some);
    }
    lines
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    // The 21st of November 2026.
    const DAY: u64 = 20_778;

    fn claims(client: &str) -> Claims {
        Claims { client: client.into(), plan: "free".into(), ..Claims::default() }
    }

    #[test]
    fn whoever_counts_each_call_is_announced_once() {
        let counts = Counts::new(1_000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for nth in 0..1_000 {
                        let client = claims(if nth % 4 == 0 { "reporting" } else { "demo" });
                        assert!(counts.add(&client, "/a/", 200 + nth % 2, DAY));
                    }
                });
            }
        });
        let (since, until) = (datetime!(2026-11-21 10:00 UTC), datetime!(2026-11-21 10:05 UTC));
        let events = counts.cut(Uuid::nil(), since, until);
        let told: Vec<_> = events.iter().map(|it| (it.client_id.as_str(), it.calls.clone())).collect();
        let calls = |status, count| MeteredCalls { route: "/a/".to_owned(), status, count };
        let expected = [("demo", vec![calls(200, 2_000), calls(201, 4_000)]), ("reporting", vec![calls(200, 2_000)])];
        assert_eq!(told, expected);
        assert!(events.iter().all(|it| (it.since, it.until) == (since, until)));
        assert!(counts.cut(Uuid::nil(), since, until).is_empty());
    }

    #[test]
    fn calls_of_two_days_are_not_mixed() {
        let counts = Counts::new(1_000);
        for day in [DAY + 9, DAY + 10] {
            counts.add(&claims("demo"), "/a/", 200, day);
        }
        let events = counts.cut(Uuid::nil(), datetime!(2026-11-30 23:59:58 UTC), datetime!(2026-12-01 00:00:03 UTC));
        let spans: Vec<_> = events.iter().map(|it| (it.since, it.until)).collect();
        let midnight = datetime!(2026-12-01 00:00 UTC);
        assert_eq!(spans[0], (datetime!(2026-11-30 23:59:58 UTC), midnight - Duration::nanoseconds(1)));
        assert_eq!(spans[1], (midnight, datetime!(2026-12-01 00:00:03 UTC)));
    }

    #[test]
    fn kinds_are_bounded_and_known_ones_go_on() {
        let counts = Counts::new(SHARDS);
        assert!(counts.add(&claims("first"), "/a/", 200, DAY));
        assert!(!counts.add(&claims("second"), "/a/", 200, DAY));
        assert!(counts.add(&claims("first"), "/a/", 200, DAY));
    }

    #[test]
    fn however_many_there_are_none_is_left_out() {
        let lines = calls_of("/a/", 200, 10_000_000_000);
        assert_eq!(lines.iter().map(|it| u64::from(it.count)).sum::<u64>(), 10_000_000_000);
    }
}
