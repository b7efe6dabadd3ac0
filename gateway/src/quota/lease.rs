//! What a gateway may give out of a client's day without asking: pure, the day and the time come in as parameters.

use std::time::{Duration, Instant};

/// How long it is taken for true that nothing is left. Another gateway may give some back, or the quota may grow.
const BELIEVED: Duration = Duration::from_secs(5);
/// Chunks that nobody has.
const PLENTY: u64 = 10;

/// A part of one client's quota of one day.
#[derive(Debug, Default)]
pub struct Lease {
    day: u64,
    quota: u64,
    // May still be given out here.
    left: u64,
    // Of the quota, when it was asked last, nobody had so many.
    free: u64,
    // Given out on credit, and not in the books yet.
    owed: u64,
    // The next chunk is being asked for while this one lasts.
    ahead: bool,
    exhausted: Option<Instant>,
    refused: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is within the quota, of which so much is left as far as is known.
    Within { left: u64 },
    /// Another chunk must be leased first.
    Renew,
    /// There is nothing left today.
    Exhausted,
}

impl Lease {
    /// Takes one request.
    pub fn take(&mut self, day: u64, quota: u64, now: Instant) -> Taken {
        // One that began yesterday counts today. A day that is further ahead was a clock's fault.
        if self.day != day && self.day != day + 1 {
            *self = Self { day, quota, ..Self::default() };
        }
        if self.quota != quota {
            (self.quota, self.exhausted) = (quota, None);
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Taken::Within { left: left + self.free };
        }
        match self.exhausted {
            Some(since) if now < since + BELIEVED => {
                self.refused += 1;
                Taken::Exhausted
            }
            _ => Taken::Renew,
        }
    }

    /// Whether the next chunk is to be asked for now, so that nobody has to wait for it. Says so once for each chunk; near the
    /// end of the day's quota never, where other gateways need what this one does not.
    pub fn runs_low(&mut self) -> bool {
        let chunk = chunk(self.quota);
        let low = !self.ahead && self.left < chunk / 2 && self.free > PLENTY * chunk;
        self.ahead |= low;
        low
    }

    /// What is asked for: how the books of which day go on from `used`.
    pub fn ask(&self) -> (u64, impl Fn(u64) -> u64 + use<>) {
        let (quota, owed, chunk) = (self.quota, self.owed, chunk(self.quota));
        (self.day, move |used| used + owed + chunk.min(quota.saturating_sub(used + owed)))
    }

    /// The books of a day went from `before` to `after`, as was asked. When that day is over, it does not matter any more.
    pub fn renewed(&mut self, day: u64, (before, after): (u64, u64), now: Instant) {
        if self.day != day {
            return;
        }
        let granted = (after - before).saturating_sub(self.owed);
        self.left += granted;
        self.free = self.quota.saturating_sub(after);
        (self.owed, self.ahead) = (0, false);
        self.exhausted = (granted == 0).then_some(now);
    }

    /// Nobody could be asked: a chunk is given out on credit.
    pub fn on_credit(&mut self) {
        let chunk = chunk(self.quota);
        (self.left, self.owed, self.ahead) = (self.left + chunk, self.owed + chunk, false);
    }

    /// Gives back what is left of today's, if the books are to change for it: what to add, and what to take off.
    pub fn give_back(&mut self, day: u64) -> Option<(u64, u64)> {
        let back = (std::mem::take(&mut self.owed), std::mem::take(&mut self.left));
        (self.day == day && back.0 != back.1).then_some(back)
    }

    /// Of this day, as far as is known: what is left, of how much, and how many were refused.
    pub fn standing(&self, day: u64) -> Option<(u64, u64, u64)> {
        (self.day == day).then_some((self.left + self.free, self.quota, self.refused))
    }

    /// Whether it is about this day.
    pub fn is_of(&self, day: u64) -> bool {
        self.day == day
    }
}

/// How much is leased at a time. It is lost if the gateway crashes, and half of another with it. Of a large quota it is what
/// lasts for some seconds of an even day.
fn chunk(quota: u64) -> u64 {
    (quota / 100).clamp(1, 1_000).max(quota / 10_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Asks the books if need be, or before; `None`: they cannot be reached.
    fn pass(lease: &mut Lease, day: u64, quota: u64, books: Option<&mut u64>, now: Instant) -> bool {
        let mut taken = lease.take(day, quota, now);
        let needed = taken == Taken::Renew;
        if needed || lease.runs_low() {
            match books {
                Some(used) => {
                    let (day, ask) = lease.ask();
                    let before = std::mem::replace(used, ask(*used));
                    lease.renewed(day, (before, *used), now);
                }
                None => lease.on_credit(),
            }
        }
        if needed {
            taken = lease.take(day, quota, now);
        }
        matches!(taken, Taken::Within { .. })
    }

    #[test]
    fn a_day_has_its_quota_and_the_next_one_too() {
        let (mut lease, now) = (Lease::default(), Instant::now());
        for day in 1..4 {
            let mut used = 0;
            let passed = (0..2_000).filter(|_| pass(&mut lease, day, 1_234, Some(&mut used), now)).count();
            assert_eq!((passed, used), (1_234, 1_234));
        }
    }

    #[test]
    fn what_is_exhausted_is_asked_about_again_after_a_while_and_when_the_quota_is_another() {
        let (mut lease, mut used, now) = (Lease::default(), 10, Instant::now());
        assert!(!pass(&mut lease, 1, 10, Some(&mut used), now));
        used = 9;
        assert!(!pass(&mut lease, 1, 10, Some(&mut used), now + BELIEVED / 2));
        assert!(pass(&mut lease, 1, 10, Some(&mut used), now + BELIEVED));
        assert!(!pass(&mut lease, 1, 10, Some(&mut used), now + BELIEVED));
        assert!(pass(&mut lease, 1, 20, Some(&mut used), now + BELIEVED));
    }

    #[test]
    fn what_was_given_on_credit_is_paid_later() {
        let (mut lease, now) = (Lease::default(), Instant::now());
        assert_eq!((0..250).filter(|_| pass(&mut lease, 1, 1_000, None, now)).count(), 250);
        let mut used = 0;
        let passed = (0..2_000).filter(|_| pass(&mut lease, 1, 1_000, Some(&mut used), now)).count();
        assert_eq!((passed, used), (750, 1_000));
    }

    #[test]
    fn more_than_the_quota_may_be_owed() {
        let (mut lease, mut used, now) = (Lease::default(), 95, Instant::now());
        assert_eq!((0..20).filter(|_| pass(&mut lease, 1, 100, None, now)).count(), 20);
        assert!(!pass(&mut lease, 1, 100, Some(&mut used), now));
        assert_eq!(used, 115);
    }

    #[test]
    fn the_next_chunk_is_asked_for_once_before_this_one_is_used_up_and_not_at_the_end_of_the_quota() {
        let (quota, now) = (100_000, Instant::now());
        let (mut lease, mut used) = (Lease::default(), 0);
        let (mut asked, mut waited) = (0, 0);
        for _ in 0..quota {
            if lease.take(1, quota, now) == Taken::Renew {
                waited += 1;
            } else if lease.runs_low() {
                assert!(!lease.runs_low() && lease.left > 0);
                asked += 1;
            } else {
                continue;
            }
            let (day, ask) = lease.ask();
            lease.renewed(day, (used, ask(used)), now);
            used = ask(used);
        }
        // The first one has nothing to go on with, and the last ten are nobody's beforehand.
        assert_eq!((asked, waited), (89, 11));
    }

    #[test]
    fn what_was_asked_for_before_midnight_is_not_given_out_after_it() {
        let (mut lease, now) = (Lease::default(), Instant::now());
        assert_eq!(lease.take(1, 1_000, now), Taken::Renew);
        let (day, ask) = lease.ask();
        assert_eq!(lease.take(2, 1_000, now), Taken::Renew);
        lease.renewed(day, (0, ask(0)), now);
        // Nor does who came before it begin the old day anew.
        assert_eq!([1, 2].map(|day| lease.take(day, 1_000, now)), [Taken::Renew; 2]);
        assert_eq!((day, lease.ask().0), (1, 2));
        assert_eq!((lease.take(9, 1_000, now), lease.ask().0), (Taken::Renew, 9));
        assert_eq!((lease.take(2, 1_000, now), lease.ask().0), (Taken::Renew, 2), "the clock was set right");
    }

    #[test]
    fn of_a_large_quota_as_much_is_leased_as_lasts_for_a_while() {
        assert_eq!([1, 99, 5_000, 100_000, 1_000_000_000].map(chunk), [1, 1, 50, 1_000, 100_000]);
    }

    proptest! {
        #[test]
        fn several_gateways_give_out_the_quota_and_lose_what_they_had_leased_in_a_crash(
            quota in 1_u64..5_000, steps in prop::collection::vec((0..3_usize, 0..20_u8), 1..400),
        ) {
            let (mut leases, mut used, now) = ([(); 3].map(|()| Lease::default()), 0, Instant::now());
            let (mut passed, mut crashes) = (0_u64, 0);
            for (nth, what) in steps {
                let lease = &mut leases[nth];
                match what {
                    0 => (*lease, crashes) = (Lease::default(), crashes + 1),
                    1 => if let Some((add, off)) = lease.give_back(1) { used = used + add - off },
                    _ => passed += (0..50).filter(|_| pass(lease, 1, quota, Some(&mut used), now)).count() as u64,
                }
            }
            let held: u64 = leases.iter_mut().map(|lease| lease.give_back(1).map_or(0, |(_, off)| off)).sum();
            prop_assert!(passed <= quota && used <= quota);
            prop_assert!(used - held - passed <= crashes * chunk(quota) * 3 / 2);
        }
    }
}
