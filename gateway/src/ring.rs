//! Counts over the last while. A ring of buckets: a window costs the same however many calls it holds, and what is old
//! falls out by itself.

use std::time::{Duration, Instant};

/// A window ends with its oldest bucket, so it is up to this share shorter than it says.
const BUCKETS: usize = 10;

/// `N` counts over a window.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    buckets: [[u32; N]; BUCKETS],
    sum: [u32; N],
    began: Instant,
    width: Duration,
    // The bucket of now, counted since the beginning, and when it ends.
    current: u128,
    until: Instant,
    place: usize,
}

impl<const N: usize> Ring<N> {
    /// Looks back over `window`, which is not zero.
    pub fn new(window: Duration, now: Instant) -> Self {
        let width = (window / u32::try_from(BUCKETS).unwrap_or(1)).max(Duration::from_nanos(1));
        Self { buckets: [[0; N]; BUCKETS], sum: [0; N], began: now, width, current: 0, until: now + width, place: 0 }
    }

    /// Adds to the counts.
    pub fn add(&mut self, counts: [u32; N], now: Instant) {
        let bucket = self.turn_to(now);
        for (nth, count) in counts.into_iter().enumerate() {
            self.buckets[bucket][nth] = self.buckets[bucket][nth].saturating_add(count);
            self.sum[nth] = self.sum[nth].saturating_add(count);
        }
    }

    /// Adds one to one of the counts.
    pub fn count(&mut self, nth: usize, now: Instant) {
        let bucket = self.turn_to(now);
        self.buckets[bucket][nth] = self.buckets[bucket][nth].saturating_add(1);
        self.sum[nth] = self.sum[nth].saturating_add(1);
    }

    /// How long the time is that the counts are about: the window, or less in the beginning.
    pub fn covers(&mut self, now: Instant) -> Duration {
        self.turn_to(now);
        let older = self.current.saturating_sub(BUCKETS as u128 - 1);
        let before = self.width.saturating_mul(u32::try_from(older).unwrap_or(u32::MAX));
        now.saturating_duration_since(self.began).saturating_sub(before)
    }

    /// Whether counts fall out of the window now.
    pub fn turns(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// The counts of the window that ends now.
    pub fn sum(&mut self, now: Instant) -> [u32; N] {
        self.turn_to(now);
        self.sum
    }

    // Threads read the clock before they take the lock, so `now` may be a little before the last one.
    fn turn_to(&mut self, now: Instant) -> usize {
        if self.turns(now) {
            self.turn(now);
        }
        self.place
    }

    fn turn(&mut self, now: Instant) {
        let wanted = now.saturating_duration_since(self.began).as_nanos() / self.width.as_nanos();
        let steps = wanted.saturating_sub(self.current);
        for step in 1..=steps.min(BUCKETS as u128) {
            let emptied = std::mem::replace(&mut self.buckets[Self::place(self.current + step)], [0; N]);
            for (sum, count) in self.sum.iter_mut().zip(emptied) {
                *sum = sum.saturating_sub(count);
            }
        }
        self.current += steps;
        self.place = Self::place(self.current);
        let next = self.width.saturating_mul(u32::try_from(self.current + 1).unwrap_or(u32::MAX));
        self.until = self.began + next;
    }

    fn place(bucket: u128) -> usize {
        usize::try_from(bucket % BUCKETS as u128).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let began = Instant::now();
        let mut ring = Ring::<2>::new(WINDOW, began);
        ring.add([1, 5], began);
        assert_eq!(ring.sum(began + WINDOW.mul_f64(0.99)), [1, 5]);
        assert_eq!(ring.sum(began + WINDOW), [0, 0]);
        ring.add([1, 1], began + WINDOW * 1_000_000);
        assert_eq!(ring.sum(began + WINDOW * 1_000_000), [1, 1]);
    }

    #[test]
    fn one_is_counted_and_the_time_it_is_about_is_known() {
        let began = Instant::now();
        let mut ring = Ring::<2>::new(WINDOW, began);
        ring.count(1, began);
        ring.count(1, began + WINDOW / 2);
        assert_eq!((ring.sum(began + WINDOW / 2), ring.covers(began + WINDOW / 2)), ([0, 2], WINDOW / 2));
        let later = began + WINDOW * 3 + WINDOW / 20;
        assert_eq!((ring.sum(later), ring.covers(later)), ([0, 0], WINDOW.mul_f64(0.95)));
    }

    proptest! {
        #[test]
        fn it_counts_as_a_list_of_all_calls_does(calls in prop::collection::vec((0..3_000_u64, 0..9_u32), 1..200)) {
            let began = Instant::now();
            let mut ring = Ring::<1>::new(WINDOW, began);
            let (mut all, mut passed) = (Vec::new(), 0);
            for (millis, count) in calls {
                passed += millis % 400 * u64::from(millis > 1_500);
                let now = began + Duration::from_millis(passed);
                ring.add([count], now);
                all.push((passed / 100, count));
                let live = all.iter().filter(|(bucket, _)| bucket + 10 > passed / 100);
                prop_assert_eq!(ring.sum(now), [live.map(|(_, count)| count).sum::<u32>()]);
            }
        }
    }
}
