//! A map with an end for each entry and a bound on their number. The oldest goes first.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use foldhash::HashMap;

pub struct Bounded<K, V> {
    entries: HashMap<K, Entry<V>>,
    // In order of insertion, with the number that says whether the entry is still that one.
    order: VecDeque<(K, u64, Instant)>,
    capacity: usize,
    inserted: u64,
}

struct Entry<V> {
    value: V,
    until: Instant,
    number: u64,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    /// Keeps up to `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), capacity, inserted: 0 }
    }

    /// The value under `key` unless its time is over.
    pub fn get(&self, key: &K, now: Instant) -> Option<&V> {
        let entry = self.entries.get(key)?;
        (now < entry.until).then_some(&entry.value)
    }

    /// Keeps `value` for `lives`, in place of what was there. What lives no time is not kept.
    pub fn insert(&mut self, key: K, value: V, now: Instant, lives: Duration) {
        self.drop_oldest(now);
        if lives.is_zero() || self.capacity == 0 {
            self.entries.remove(&key);
            return;
        }
        let (until, number) = (now + lives, self.inserted);
        self.inserted += 1;
        self.order.push_back((key, number, until));
        self.entries.insert(key, Entry { value, until, number });
    }

    pub fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    // Each insertion pays for the removal of an earlier one, so the order never grows beyond the capacity.
    fn drop_oldest(&mut self, now: Instant) {
        while let Some(&(key, number, until)) = self.order.front() {
            if self.order.len() < self.capacity && now < until {
                break;
            }
            self.order.pop_front();
            if self.entries.get(&key).is_some_and(|e| e.number == number) {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn an_entry_ends_at_its_time() {
        let now = Instant::now();
        let mut map = Bounded::new(8);
        map.insert(1, "one", now, MINUTE);
        assert_eq!(map.get(&1, now + Duration::from_secs(59)), Some(&"one"));
        assert_eq!(map.get(&1, now + MINUTE), None);
    }

    #[test]
    fn the_oldest_makes_room_and_the_bound_holds() {
        let now = Instant::now();
        let mut map = Bounded::new(3);
        for key in 0..1_000 {
            map.insert(key, key, now, MINUTE);
            assert!(map.len() <= 3 && map.order.len() <= 3);
        }
        assert_eq!(map.get(&999, now), Some(&999));
        assert_eq!(map.get(&0, now), None);
    }

    #[test]
    fn expired_entries_are_dropped_by_later_ones() {
        let now = Instant::now();
        let mut map = Bounded::new(100);
        (0..50).for_each(|key| map.insert(key, key, now, MINUTE));
        map.insert(99, 99, now + MINUTE, MINUTE);
        assert_eq!((map.len(), map.order.len()), (1, 1));
    }

    #[test]
    fn a_renewed_entry_outlives_the_place_of_its_first() {
        let now = Instant::now();
        let mut map = Bounded::new(10);
        map.insert(1, "first", now, MINUTE);
        map.insert(1, "second", now + MINUTE / 2, MINUTE);
        map.insert(2, "other", now + MINUTE, MINUTE);
        assert_eq!(map.get(&1, now + MINUTE), Some(&"second"));
    }

    #[test]
    fn what_lives_no_time_is_not_kept() {
        let now = Instant::now();
        let mut map = Bounded::new(10);
        map.insert(1, "one", now, Duration::ZERO);
        assert_eq!(map.len(), 0);
    }
}
