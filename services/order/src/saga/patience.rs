//! How long silence is borne: when to ask again, when to give up, when to call for somebody. Pure: the time that has
//! passed and the jitter come in as parameters.

use std::time::Duration;

/// The limits of patience, the same for every step.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The wait after the first silence; doubled after each further one.
    pub first_delay: Duration,
    /// The longest wait between two attempts.
    pub longest_delay: Duration,
    /// Counted from its first attempt, when an undoable step is given up and undone.
    pub deadline: Duration,
    /// Counted from its first attempt, when a step that must be done raises an alarm.
    pub alarm_after: Duration,
}

impl Patience {
    /// How long to wait after this many silent attempts, of which the first was `waited` ago. `jitter` is from 0 to 1
    /// and spreads the wait from half of it to all of it, so that what failed together is not asked again together.
    /// Whoever wants to be asked no sooner than `retry_after` is not, within the longest wait and the deadline.
    pub fn delay(&self, attempts: u32, jitter: f64, waited: Duration, retry_after: Option<Duration>) -> Duration {
        let doubled = self.first_delay.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        let spread = doubled.min(self.longest_delay).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let spread = spread.max(retry_after.unwrap_or_default().min(self.longest_delay));
        // The last attempt falls on the deadline rather than well past it.
        let left = self.deadline.saturating_sub(waited);
        if left.is_zero() { spread } else { spread.min(left) }
    }

    /// Whether a step first asked `waited` ago is given up, if it can be.
    pub fn is_over(&self, waited: Duration) -> bool {
        waited >= self.deadline
    }

    /// Whether a step first asked `waited` ago needs somebody to look.
    pub fn is_alarming(&self, waited: Duration) -> bool {
        waited >= self.alarm_after
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        first_delay: Duration::from_millis(100),
        longest_delay: Duration::from_secs(5),
        deadline: Duration::from_secs(15),
        alarm_after: Duration::from_secs(30),
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<_> = (1..9).map(|n| PATIENCE.delay(n, 1.0, Duration::ZERO, None).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn the_last_attempt_falls_on_the_deadline() {
        let waited = Duration::from_secs(14);
        assert_eq!(PATIENCE.delay(20, 1.0, waited, None), Duration::from_secs(1));
        assert!(!PATIENCE.is_over(waited) && PATIENCE.is_over(Duration::from_secs(15)));
    }

    #[test]
    fn who_asks_to_come_later_is_heard_up_to_the_longest_wait_and_the_deadline() {
        let wait =
            |waited, asked| PATIENCE.delay(1, 1.0, Duration::from_secs(waited), Some(Duration::from_secs(asked)));
        assert_eq!(wait(0, 0), Duration::from_millis(100), "no sooner than anyhow");
        assert_eq!(wait(0, 3), Duration::from_secs(3));
        assert_eq!(wait(0, 3600), PATIENCE.longest_delay);
        assert_eq!(wait(13, 3), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_nothing_and_never_longer_than_the_longest(
            attempts in 1_u32.., jitter in 0.0..1.0_f64, waited in 0_u64..14_999, asked in prop::option::of(0_u64..u64::MAX),
        ) {
            let asked = asked.map(Duration::from_secs);
            let wait = PATIENCE.delay(attempts, jitter, Duration::from_millis(waited), asked);
            prop_assert!(wait > Duration::ZERO && wait <= PATIENCE.longest_delay);
        }
    }
}
