//! How many requests at a time a service answers well. The time of an unloaded service is the least that was seen lately;
//! answers that take much longer mean that requests wait for each other, and fewer are let in.

use std::time::{Duration, Instant};

use super::Policy;

/// Between two changes.
const WINDOW: Duration = Duration::from_millis(250);
/// Fewer answers say nothing, unless no more come.
const ENOUGH: usize = 10;
const AT_LAST: Duration = Duration::from_secs(2);
const SAMPLES: usize = 256;
/// The usual time is the least of this many spans. It is forgotten in the end, or a service that has become slower for
/// good would be choked.
const SPANS: usize = 6;
const SPAN: Duration = Duration::from_secs(10);

/// The limit of one route.
pub struct Limit {
    policy: Policy,
    now: usize,
    samples: Vec<Duration>,
    busiest: usize,
    began: Instant,
    least: [Option<Duration>; SPANS],
    span_began: Instant,
    look: Option<Look>,
}

// A while with so few at a time that none waits for another, to see the usual time again. Without it, waiting would become
// usual in the end.
struct Look {
    lasts: Duration,
    then: usize,
}

impl Limit {
    pub fn new(policy: Policy, now: Instant) -> Self {
        let samples = Vec::with_capacity(SAMPLES);
        Self {
            policy,
            now: policy.start,
            samples,
            busiest: 0,
            began: now,
            least: [None; SPANS],
            span_began: now,
            look: None,
        }
    }

    /// The limit.
    pub fn now(&self) -> usize {
        self.now
    }

    /// One request was answered while so many were in flight. Whether the limit was thought over.
    pub fn answered(&mut self, now: Instant, took: Duration, in_flight: usize) -> bool {
        self.busiest = self.busiest.max(in_flight);
        if self.samples.len() < SAMPLES {
            self.samples.push(took);
        }
        let due = if self.samples.len() < ENOUGH { AT_LAST } else { WINDOW };
        if now < self.began + due.max(self.look.as_ref().map_or(due, |look| look.lasts)) {
            return false;
        }
        let middle = self.samples.len() / 2;
        let (_, median, _) = self.samples.select_nth_unstable(middle);
        let median = *median;
        match self.look.take() {
            Some(look) => {
                self.keep(median, now);
                self.now = look.then;
            }
            None => self.think(median, now),
        }
        self.samples.clear();
        (self.busiest, self.began) = (0, now);
        true
    }

    fn think(&mut self, median: Duration, now: Instant) {
        let next_span = self.keep(median, now);
        let needed = self.busiest * 2 >= self.now;
        self.now = match self.too_slow(median) {
            // Down at once, in proportion and to half at the most, from what was really there.
            Some(slow) => {
                let there = self.now.min(self.busiest);
                let share = (slow.as_secs_f64() / median.as_secs_f64()).max(0.5);
                scale(there, share).max(self.policy.least)
            }
            // Up in steps, as long as there is need.
            None if needed => (self.now + self.now.isqrt().max(1)).min(self.policy.most),
            None => self.now,
        };
        if next_span && needed && median > self.policy.calm {
            let few = (self.now * 100 / self.policy.tolerance as usize).max(self.policy.least);
            let lasts = (median * 3).clamp(WINDOW, SPAN / 2);
            self.look = Some(Look { lasts, then: std::mem::replace(&mut self.now, few) });
        }
    }

    // Whether a new span begins with it.
    fn keep(&mut self, median: Duration, now: Instant) -> bool {
        let next = now.saturating_duration_since(self.span_began) >= SPAN;
        if next {
            self.least.rotate_right(1);
            self.least[0] = None;
            self.span_began = now;
        }
        self.least[0] = Some(self.least[0].map_or(median, |it| it.min(median)));
        next
    }

    // Where being too slow begins, if this is.
    fn too_slow(&self, median: Duration) -> Option<Duration> {
        let usual = self.least.iter().flatten().min().copied().unwrap_or(median);
        let slow = self.policy.calm.max(usual * self.policy.tolerance / 100);
        (median > slow).then_some(slow)
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // limits are small
fn scale(limit: usize, share: f64) -> usize {
    (limit as f64 * share) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Policy = Policy { least: 4, most: 200, start: 20, calm: Duration::from_millis(10), tolerance: 200 };

    struct Run {
        limit: Limit,
        now: Instant,
    }

    impl Run {
        fn new() -> Self {
            let now = Instant::now();
            Self { limit: Limit::new(SETTINGS, now), now }
        }

        // Windows in which everything takes so long while so many are in flight.
        fn windows(&mut self, count: usize, millis: u64, in_flight: impl Fn(usize) -> usize) -> usize {
            for _ in 0..count {
                let busy = in_flight(self.limit.now());
                for _ in 0..ENOUGH {
                    self.now += WINDOW / 20;
                    self.limit.answered(self.now, Duration::from_millis(millis), busy);
                }
                self.now += WINDOW;
                assert!(
                    self.limit.answered(self.now, Duration::from_millis(millis), busy) || self.limit.look.is_some()
                );
                assert!((SETTINGS.least..=SETTINGS.most).contains(&self.limit.now()));
            }
            self.limit.now()
        }
    }

    #[test]
    fn the_limit_grows_while_it_is_needed_and_answers_are_fast_up_to_the_most() {
        let mut run = Run::new();
        assert_eq!(run.windows(50, 5, |_| 1), SETTINGS.start, "nobody needs more");
        assert!(run.windows(1, 5, |limit| limit) > SETTINGS.start);
        assert_eq!(run.windows(100, 5, |limit| limit), SETTINGS.most);
    }

    #[test]
    fn slow_answers_bring_it_down_at_once_and_fast_ones_up_again() {
        let mut run = Run::new();
        run.windows(100, 5, |limit| limit);
        assert!(run.windows(1, 100, |limit| limit) <= SETTINGS.most / 2);
        assert_eq!(run.windows(10, 100, |limit| limit), SETTINGS.least);
        assert!(run.windows(10, 5, |limit| limit) > SETTINGS.least * 4);
    }

    #[test]
    fn it_settles_where_answers_are_as_fast_as_they_can_be() {
        // A service that answers 40 at a time in 8 ms; more wait for each other.
        let mut run = Run::new();
        for _ in 0..2_000 {
            let limit = run.limit.now() as u64;
            run.windows(1, 8 * limit.max(40) / 40, |limit| limit);
        }
        assert!((40..=100).contains(&run.limit.now()), "{}", run.limit.now());
    }

    #[test]
    fn what_is_within_the_calm_is_never_too_slow() {
        let mut run = Run::new();
        run.windows(10, 1, |limit| limit);
        assert_eq!(run.windows(100, 10, |limit| limit), SETTINGS.most);
    }

    #[test]
    fn a_service_that_has_become_slower_for_good_is_believed_in_the_end() {
        let mut run = Run::new();
        run.windows(100, 5, |limit| limit);
        run.windows(30, 100, |limit| limit);
        assert_eq!(run.limit.now(), SETTINGS.least);
        assert_eq!(run.windows(400, 100, |limit| limit), SETTINGS.most);
    }

    #[test]
    fn a_slow_request_among_fast_ones_says_nothing() {
        let mut run = Run::new();
        for _ in 0..20 {
            for number in 0..ENOUGH {
                run.now += WINDOW / 5;
                let took = if number % 4 == 0 { Duration::from_secs(5) } else { Duration::from_millis(5) };
                run.limit.answered(run.now, took, run.limit.now());
            }
        }
        assert!(run.limit.now() > SETTINGS.start);
    }

    #[test]
    fn little_traffic_counts_too() {
        let mut run = Run::new();
        for _ in 0..3 {
            run.now += AT_LAST;
            run.limit.answered(run.now, Duration::from_millis(5), 1);
        }
        run.now += AT_LAST;
        assert!(run.limit.answered(run.now, Duration::from_secs(15), 20));
        assert_eq!(run.limit.now(), 10);
    }
}
