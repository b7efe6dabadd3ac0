//! Which of several instances gets the next request: of two chosen at random, the one with fewer requests in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::uri::Authority;

/// An instance that refused a connection gets no requests for this long, if there is another.
pub const AVOIDED_FOR: Duration = Duration::from_secs(1);

/// One running instance of a service, as the gateway sees it.
#[derive(Debug)]
pub struct Instance {
    /// Host and port.
    pub authority: Authority,
    in_flight: AtomicUsize,
    // Milliseconds since `known_since`; 0 is never.
    avoid_until: AtomicU64,
    known_since: Instant,
}

impl Instance {
    pub fn new(authority: Authority) -> Self {
        Self { authority, in_flight: AtomicUsize::new(0), avoid_until: AtomicU64::new(0), known_since: Instant::now() }
    }

    /// Counts a request in until the returned guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// How many requests are in flight, their response bodies included.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Gives the instance no requests for a while.
    pub fn avoid(&self, now: Instant) {
        let until = self.age(now + AVOIDED_FOR);
        self.avoid_until.store(until, Ordering::Relaxed);
    }

    fn is_avoided(&self, now: Instant) -> bool {
        self.age(now) < self.avoid_until.load(Ordering::Relaxed)
    }

    fn age(&self, at: Instant) -> u64 {
        let age = at.saturating_duration_since(self.known_since).as_millis();
        u64::try_from(age).unwrap_or(u64::MAX)
    }
}

/// A request counted in at an instance.
#[derive(Debug)]
pub struct InFlight(Arc<Instance>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Chooses an instance that is not among `except`. Avoided ones only if there is no other: a guess must not close a service.
pub fn choose<'i>(instances: &'i [Arc<Instance>], except: &[Arc<Instance>], now: Instant) -> Option<&'i Arc<Instance>> {
    let eligible = |instance: &&Arc<Instance>| !except.iter().any(|e| Arc::ptr_eq(e, instance));
    let healthy = |instance: &&Arc<Instance>| eligible(instance) && !instance.is_avoided(now);
    let first = at_random(instances, healthy).or_else(|| at_random(instances, eligible))?;
    let other = |instance: &&Arc<Instance>| healthy(instance) && !Arc::ptr_eq(first, instance);
    match at_random(instances, other) {
        Some(second) if second.in_flight() < first.in_flight() => Some(second),
        _ => Some(first),
    }
}

fn at_random<'i>(
    instances: &'i [Arc<Instance>],
    wanted: impl Fn(&&'i Arc<Instance>) -> bool,
) -> Option<&'i Arc<Instance>> {
    let count = instances.iter().filter(|i| wanted(i)).count();
    let nth = match count {
        0 => return None,
        1 => 0,
        _ => rand::random_range(0..count),
    };
    instances.iter().filter(|i| wanted(i)).nth(nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances(count: usize) -> Vec<Arc<Instance>> {
        (0..count).map(|n| Arc::new(Instance::new(format!("10.0.0.{n}:80").parse().unwrap()))).collect()
    }

    #[test]
    fn of_two_the_less_busy_is_chosen() {
        let (both, now) = (instances(2), Instant::now());
        let _busy = both[0].enter();
        for _ in 0..100 {
            assert!(Arc::ptr_eq(choose(&both, &[], now).unwrap(), &both[1]));
        }
    }

    #[test]
    fn requests_that_stay_spread_evenly() {
        let (all, now) = (instances(4), Instant::now());
        let _stay: Vec<_> = (0..400).map(|_| choose(&all, &[], now).unwrap().enter()).collect();
        for instance in &all {
            assert!((90..=110).contains(&instance.in_flight()), "{}", instance.in_flight());
        }
    }

    #[test]
    fn a_request_is_in_flight_until_its_guard_is_dropped() {
        let one = instances(1);
        let guard = one[0].enter();
        assert_eq!(one[0].in_flight(), 1);
        drop(guard);
        assert_eq!(one[0].in_flight(), 0);
    }

    #[test]
    fn an_instance_that_refused_is_avoided_for_a_while() {
        let (both, now) = (instances(2), Instant::now());
        both[0].avoid(now);
        let _busy = both[1].enter();
        assert!(Arc::ptr_eq(choose(&both, &[], now).unwrap(), &both[1]));
        let later = now + AVOIDED_FOR;
        assert!(Arc::ptr_eq(choose(&both, &[], later).unwrap(), &both[0]));
    }

    #[test]
    fn the_only_instance_is_tried_even_if_avoided_but_not_twice() {
        let (one, now) = (instances(1), Instant::now());
        one[0].avoid(now);
        let chosen = choose(&one, &[], now).unwrap();
        assert!(choose(&one, &[Arc::clone(chosen)], now).is_none());
        assert!(choose(&[], &[], now).is_none());
    }
}
