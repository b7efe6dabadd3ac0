//! What must be true of every circuit, whatever happens in whatever order.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Policy;
use super::circuit::{Circuit, Outcome, State, Ticket};

const GOOD: Outcome = Outcome { failed: false, slow: false };
const FAILED: Outcome = Outcome { failed: true, slow: false };
const SLOW: Outcome = Outcome { failed: false, slow: true };
const MILLI: Duration = Duration::from_millis(1);

const POLICY: Policy = Policy {
    window: Duration::from_secs(10),
    calls: 20,
    errors: 50,
    slow: 80,
    slow_after: Duration::from_secs(2),
    open: Duration::from_secs(5),
    probes: 3,
    probe: Duration::from_secs(4),
};

struct At {
    circuit: Circuit,
    now: Instant,
}

impl At {
    fn closed() -> Self {
        let now = Instant::now();
        Self { circuit: Circuit::new(POLICY, now), now }
    }

    fn open() -> Self {
        let mut it = Self::closed();
        (0..20).for_each(|_| it.call(FAILED));
        assert_eq!(it.state(), State::Open);
        it
    }

    fn half_open() -> Self {
        let mut it = Self::open();
        it.now += POLICY.open;
        assert_eq!(it.state(), State::HalfOpen);
        it
    }

    fn call(&mut self, outcome: Outcome) {
        let ticket = self.admit().unwrap();
        self.settle(ticket, Some(outcome));
    }

    fn admit(&mut self) -> Result<Ticket, Duration> {
        self.circuit.admit(self.now)
    }

    fn settle(&mut self, ticket: Ticket, outcome: Option<Outcome>) {
        self.circuit.settle(ticket, outcome, self.now);
    }

    fn state(&mut self) -> State {
        self.circuit.read(self.now).0
    }
}

#[test]
fn it_opens_at_the_share_and_not_one_call_before() {
    for (good, needed) in [(0, 20), (10, 10), (30, 30), (500, 500)] {
        let mut it = At::closed();
        (0..good).for_each(|_| it.call(GOOD));
        (1..needed).for_each(|_| it.call(FAILED));
        assert_eq!(it.state(), State::Closed, "{good} good and {} failed", needed - 1);
        it.call(FAILED);
        assert_eq!(it.state(), State::Open, "{good} good and {needed} failed");
    }
}

#[test]
fn a_long_good_past_does_not_delay_it() {
    let mut it = At::closed();
    (0..100_000).for_each(|_| it.call(GOOD));
    it.now += POLICY.window;
    (0..19).for_each(|_| it.call(FAILED));
    assert_eq!(it.state(), State::Closed);
    it.call(FAILED);
    assert_eq!(it.state(), State::Open);
}

#[test]
fn it_opens_when_what_spoke_for_the_service_is_too_long_ago() {
    let mut it = At::closed();
    (0..40).for_each(|_| it.call(GOOD));
    it.now += POLICY.window / 2;
    (0..25).for_each(|_| it.call(FAILED));
    assert_eq!(it.state(), State::Closed);
    it.now += POLICY.window / 2;
    assert!(it.admit().is_err());
    assert_eq!(it.state(), State::Open);
}

#[test]
fn slowness_alone_opens_it() {
    let mut it = At::closed();
    (0..5).for_each(|_| it.call(GOOD));
    (0..19).for_each(|_| it.call(SLOW));
    assert_eq!(it.state(), State::Closed);
    it.call(SLOW);
    assert_eq!(it.state(), State::Open);
}

#[test]
fn an_open_one_lets_nothing_through_and_says_when_to_come_again() {
    let mut it = At::open();
    assert_eq!(it.admit().unwrap_err(), POLICY.open);
    it.now += POLICY.open.checked_sub(MILLI).unwrap();
    assert_eq!(it.admit().unwrap_err(), MILLI);
    it.now += MILLI;
    assert!(it.admit().is_ok());
}

#[test]
fn of_a_hundred_who_try_a_half_open_one_only_the_probes_get_through() {
    let mut it = At::half_open();
    let admitted = (0..100).filter(|_| it.admit().is_ok()).count();
    assert_eq!(admitted, 3);
}

#[test]
fn a_healthy_service_that_is_asked_seldom_closes_it_again() {
    let mut it = At::half_open();
    for _ in 0..3 {
        it.now += Duration::from_hours(1);
        it.call(GOOD);
    }
    assert_eq!(it.state(), State::Closed);
    // With an empty past.
    (0..19).for_each(|_| it.call(FAILED));
    assert_eq!(it.state(), State::Closed);
}

#[test]
fn one_bad_probe_opens_it_anew() {
    for bad in [FAILED, SLOW] {
        let mut it = At::half_open();
        it.call(GOOD);
        it.call(GOOD);
        it.call(bad);
        assert_eq!(it.admit().unwrap_err(), POLICY.open);
    }
}

#[test]
fn a_late_result_does_not_count() {
    let mut it = At::closed();
    let (late, later) = (it.admit().unwrap(), it.admit().unwrap());
    (0..20).for_each(|_| it.call(FAILED));
    it.now += POLICY.open;
    assert_eq!(it.state(), State::HalfOpen);
    // Admitted while it was closed.
    it.settle(late, Some(FAILED));
    assert_eq!(it.state(), State::HalfOpen);
    (0..3).for_each(|_| it.call(GOOD));
    it.settle(later, Some(FAILED));
    assert_eq!(it.circuit.read(it.now), (State::Closed, [0, 0, 0]));
}

#[test]
fn probes_that_never_come_back_do_not_block_it_for_good() {
    let mut it = At::half_open();
    let lost: Vec<_> = (0..3).map(|_| it.admit().unwrap()).collect();
    assert_eq!(it.admit().unwrap_err(), POLICY.probe);
    it.now += POLICY.probe;
    assert_eq!(it.state(), State::Open);
    it.now += POLICY.open;
    // Whatever they say now, it is too late.
    for ticket in lost {
        it.settle(ticket, Some(GOOD));
    }
    assert_eq!(it.state(), State::HalfOpen);
    (0..3).for_each(|_| it.call(GOOD));
    assert_eq!(it.state(), State::Closed);
}

#[test]
fn a_probe_whose_caller_went_away_makes_room_for_another() {
    let mut it = At::half_open();
    for _ in 0..50 {
        let ticket = it.admit().unwrap();
        it.settle(ticket, None);
    }
    assert_eq!(it.state(), State::HalfOpen);
    (0..3).for_each(|_| it.call(GOOD));
    assert_eq!(it.state(), State::Closed);
}

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Admit,
    Settle(usize, u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        1 => (0..6_000_u64).prop_map(Act::Pass),
        4 => Just(Act::Admit),
        4 => (any::<usize>(), 0..6_u8).prop_map(|(nth, how)| Act::Settle(nth, how)),
    ];
    prop::collection::vec(act, 1..400)
}

proptest! {
    #[test]
    fn whatever_happened_a_healthy_service_is_let_through_again(acts in acts()) {
        let mut it = At::closed();
        // What is out, with the number of the change of state after which it was admitted.
        let (mut out, mut changes, mut last) = (Vec::new(), 0_u32, State::Closed);
        for act in acts {
            match act {
                Act::Pass(millis) => it.now += Duration::from_millis(millis),
                Act::Admit => {
                    let let_through = it.circuit.check(it.now).is_ok();
                    let state = it.state();
                    changes += u32::from(state != last);
                    last = state;
                    let admitted = it.admit();
                    prop_assert_eq!(let_through, admitted.is_ok());
                    prop_assert!(state != State::Open || admitted.is_err());
                    out.extend(admitted.map(|ticket| (ticket, changes)));
                }
                Act::Settle(nth, how) if !out.is_empty() => {
                    let (ticket, _) = out.remove(nth % out.len());
                    let outcome = [Some(GOOD), Some(GOOD), Some(FAILED), Some(FAILED), Some(SLOW), None];
                    it.settle(ticket, outcome[usize::from(how)]);
                }
                Act::Settle(..) => {}
            }
            let state = it.state();
            changes += u32::from(state != last);
            last = state;
            let probes = out.iter().filter(|(_, admitted)| *admitted == changes).count();
            prop_assert!(state != State::HalfOpen || probes <= 3, "{probes} probes");
            let [calls, failed, slow] = it.circuit.read(it.now).1;
            prop_assert!(failed <= calls && slow <= calls);
            if state == State::Closed && calls >= 20 {
                prop_assert!(failed * 2 < calls && slow * 5 < calls * 4, "closed with {calls} {failed} {slow}");
            }
        }
        // All probes are lost, the past is forgotten, and if it is open, its time ends.
        it.now += POLICY.window;
        it.state();
        it.now += POLICY.open;
        for _ in 0..3 {
            let ticket = it.admit();
            prop_assert!(ticket.is_ok());
            it.settle(ticket.unwrap(), Some(GOOD));
        }
        prop_assert_eq!(it.state(), State::Closed);
    }
}
