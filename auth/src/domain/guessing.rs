//! How long who guesses passwords has to wait.

use time::Duration;

/// How many wrong passwords are free, and what the next ones cost. No wait is longer than the last one, so nobody is
/// locked out for good.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wrong passwords without a wait.
    pub free: u16,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// After so long without an attempt, all is forgotten.
    pub forgotten_after: Duration,
}

impl Patience {
    /// With an account, or with one device that is known to it.
    pub const fn with_account(free: u16) -> Self {
        Self { free, first: Duration::seconds(30), longest: Duration::minutes(5), forgotten_after: Duration::hours(1) }
    }

    /// With an address: many people may share one.
    pub const fn with_address(free: u16) -> Self {
        let forgotten_after = Duration::minutes(15);
        Self { free, first: Duration::seconds(1), longest: Duration::minutes(1), forgotten_after }
    }

    /// The wait in seconds after the first failure, the second, and so on, if there is one; after the last it stays.
    pub fn waits(&self) -> Vec<Option<f64>> {
        let free = std::iter::repeat_n(None, usize::from(self.free.saturating_sub(1)));
        let grows = std::iter::successors(Some(self.first), |wait| (*wait < self.longest).then(|| *wait * 2));
        free.chain(grows.map(|wait| Some(wait.min(self.longest).as_seconds_f64()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_last_free_guess_to_the_longest_and_no_further() {
        let grows = [30.0, 60.0, 120.0, 240.0, 300.0].map(Some);
        assert_eq!(Patience::with_account(3).waits(), [&[None, None], &grows[..]].concat());
        assert_eq!(Patience::with_account(1).waits(), grows);
        assert_eq!(Patience::with_address(100).waits().last(), Some(&Some(60.0)));
    }
}
