//! Which of several instances gets the next request: of two chosen at random, the one with fewer requests in flight.
//! Those that fail get none until they answer a probe, and then few at first.

mod ejection;
mod instance;
mod probe;

use std::sync::Arc;
use std::time::Instant;

pub use ejection::{Ejection, Section};
pub use instance::{InFlight, Instance};
pub use probe::probe;

/// Chooses an instance that is not among `except`. Ejected ones only if too few are left, or none: a guess must not close
/// a service.
pub fn choose<'i>(
    instances: &'i [Arc<Instance>],
    except: &[Arc<Instance>],
    policy: &Ejection,
    now: Instant,
) -> Option<&'i Arc<Instance>> {
    if let [only] = instances {
        return (!except.iter().any(|asked| Arc::ptr_eq(asked, only))).then_some(only);
    }
    let roll = rand::random();
    let panics = policy.panics(instances.iter().filter(|it| !it.is_out()).count(), instances.len());
    let eligible = |instance: &&Arc<Instance>| !except.iter().any(|e| Arc::ptr_eq(e, instance));
    // One that has just returned takes part in some of the draws.
    let healthy = |instance: &&Arc<Instance>| eligible(instance) && (panics || instance.weight(policy, now) > roll);
    let in_service = |instance: &&Arc<Instance>| eligible(instance) && !instance.is_out();
    let first = at_random(instances, healthy)
        .or_else(|| at_random(instances, in_service))
        .or_else(|| at_random(instances, eligible))?;
    let other = |instance: &&Arc<Instance>| healthy(instance) && !Arc::ptr_eq(first, instance);
    match at_random(instances, other) {
        Some(second) if second.in_flight() < first.in_flight() => Some(second),
        _ => Some(first),
    }
}

/// Of all instances but this one: calls, failed.
pub fn others(instances: &[Arc<Instance>], one: &Arc<Instance>, now: Instant) -> [u32; 2] {
    let others = instances.iter().filter(|other| !Arc::ptr_eq(other, one)).map(|other| other.lately(now));
    others.fold([0, 0], |sum, counts| [sum[0].saturating_add(counts[0]), sum[1].saturating_add(counts[1])])
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
    use std::time::Duration;

    use super::*;

    fn instances(count: usize) -> Vec<Arc<Instance>> {
        (0..count).map(|n| Arc::new(Instance::new(format!("10.0.0.{n}:80").parse().unwrap()))).collect()
    }

    fn chosen(instances: &[Arc<Instance>], now: Instant) -> &Arc<Instance> {
        choose(instances, &[], &Ejection::default(), now).unwrap()
    }

    #[test]
    fn of_two_the_less_busy_is_chosen() {
        let (both, now) = (instances(2), Instant::now());
        let _busy = both[0].enter();
        for _ in 0..100 {
            assert!(Arc::ptr_eq(chosen(&both, now), &both[1]));
        }
    }

    #[test]
    fn requests_that_stay_spread_evenly() {
        let (all, now) = (instances(4), Instant::now());
        let _stay: Vec<_> = (0..400).map(|_| chosen(&all, now).enter()).collect();
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
    fn an_instance_that_refused_gets_nothing_and_then_few_requests_at_first() {
        let (both, policy, now) = (instances(2), Ejection::default(), Instant::now());
        both[0].refused(&policy, now);
        let share = |at: Instant| (0..1_000).filter(|_| Arc::ptr_eq(chosen(&both, at), &both[0])).count();
        let back = now + policy.first;
        assert_eq!((share(now), share(back + policy.longest)), (0, 0));
        assert!(!both[0].is_due(now) && both[0].is_due(back));
        both[0].probed(&policy, true, back);
        let (early, later) = (share(back + policy.ramp / 5), share(back + policy.ramp));
        assert!((30..300).contains(&early) && (400..600).contains(&later), "{early} {later}");
    }

    #[test]
    fn they_are_never_all_ejected() {
        let (all, policy, now) = (instances(4), Ejection::default(), Instant::now());
        for (nth, instance) in all.iter().enumerate() {
            instance.refused(&policy, now);
            let used = |it: &&Arc<Instance>| (0..300).any(|_| Arc::ptr_eq(chosen(&all, now), it));
            // At 30 percent: of four, two can be spared.
            let expected = [3, 2, 4, 4][nth];
            assert_eq!(all.iter().filter(used).count(), expected, "{} ejected", nth + 1);
        }
    }

    #[test]
    fn the_only_instance_is_tried_even_if_ejected_but_not_twice() {
        let (one, policy, now) = (instances(1), Ejection::default(), Instant::now());
        one[0].refused(&policy, now);
        let first = chosen(&one, now);
        assert!(choose(&one, &[Arc::clone(first)], &policy, now).is_none());
        assert!(choose(&[], &[], &policy, now).is_none());
    }

    #[test]
    fn one_that_fails_more_than_the_others_is_ejected_and_one_that_fails_as_they_do_is_not() {
        let policy = Ejection::default();
        for (others_fail, ejected) in [(false, true), (true, false)] {
            let (all, mut now) = (instances(3), Instant::now());
            for round in 0..60 {
                now += Duration::from_millis(20);
                for (nth, instance) in all.iter().enumerate() {
                    if round % 2 == 0 && (nth == 0 || others_fail) {
                        instance.failed(&policy, others(&all, instance, now), now);
                    } else {
                        instance.succeeded(&policy, now);
                    }
                }
            }
            assert_eq!(all.iter().any(|instance| instance.is_out()), ejected);
            assert!(!all[1].is_out() && !all[2].is_out());
        }
    }
}
