//! At what cost the hash of a name that nobody has is made: drawn from the costs of the hashes that users have, so that
//! time does not tell who is there while old hashes wait for their users to log in.

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;

use crate::keys::derived;

/// One name in so many is checked at the cost of the settings, also while no user's hash has it yet: the first users to
/// log in after a change are not the only ones.
const ONE_IN: u64 = 50;

/// How many hashes were made at which cost. A cost is what a hash begins with, up to its salt.
pub struct Costs {
    key: hmac::Key,
    /// Of the settings.
    current: String,
    counted: RwLock<Vec<(String, u64)>>,
}

impl Costs {
    /// Names are drawn with a key derived from the encryption key: alike in all instances, and nobody else can tell.
    pub fn new(encryption_key: &[u8; 32], current: &str) -> Self {
        let key = derived(encryption_key, b"cost of the hash of a name that nobody has");
        let costs = Self { key, current: current.to_owned(), counted: RwLock::default() };
        costs.learn(Vec::new());
        costs
    }

    /// Goes by these counts from now on.
    pub fn learn(&self, mut counted: Vec<(String, u64)>) {
        let all: u64 = counted.iter().map(|(_, count)| count).sum();
        let least = all.max(1);
        for (_, count) in &mut counted {
            *count = count.saturating_mul(ONE_IN);
        }
        match counted.iter_mut().find(|(cost, _)| *cost == self.current) {
            Some((_, count)) => *count = least.max(*count),
            None => counted.push((self.current.clone(), least)),
        }
        // Always in this order: a name changes its cost as seldom as a user does.
        counted.sort_unstable();
        *self.counted.write().unwrap_or_else(PoisonError::into_inner) = counted;
    }

    /// The cost for this name, the same as long as users' hashes stay what they are.
    pub fn of_nobody(&self, name: &str) -> String {
        let tag = hmac::sign(&self.key, name.as_bytes());
        let at = tag.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let counted = self.counted.read().unwrap_or_else(PoisonError::into_inner);
        drawn(&counted, at).unwrap_or(&self.current).to_owned()
    }
}

// `at` of all that 64 bits can say, as a place among all that were counted.
fn drawn(counted: &[(String, u64)], at: u64) -> Option<&str> {
    let all: u128 = counted.iter().map(|(_, count)| u128::from(*count)).sum();
    let place = (u128::from(at) * all) >> u64::BITS;
    let ends = counted.iter().scan(0, |end: &mut u128, (cost, count)| {
        *end += u128::from(*count);
        Some((cost, *end))
    });
    ends.into_iter().find(|(_, end)| place < *end).map(|(cost, _)| cost.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: usize = 10_000;

    fn costs(key: u8, counted: &[(&str, u64)]) -> Costs {
        let costs = Costs::new(&[key; 32], "new");
        costs.learn(counted.iter().map(|(cost, count)| ((*cost).to_owned(), *count)).collect());
        costs
    }

    fn of_names(costs: &Costs) -> Vec<String> {
        (0..NAMES).map(|nth| costs.of_nobody(&format!("name-{nth}"))).collect()
    }

    fn share(drawn: &[String], cost: &str) -> usize {
        (drawn.iter().filter(|it| *it == cost).count() * 100 + NAMES / 2) / NAMES
    }

    #[test]
    fn names_that_nobody_has_cost_what_those_of_users_cost_in_the_same_shares() {
        let drawn = of_names(&costs(1, &[("old", 600), ("older", 100), ("new", 300)]));
        for (cost, percent) in [("old", 60_usize), ("older", 10), ("new", 30)] {
            assert!(share(&drawn, cost).abs_diff(percent) <= 2, "{cost}: {}", share(&drawn, cost));
        }
        assert!(of_names(&costs(1, &[])).iter().all(|cost| cost == "new"));
    }

    #[test]
    fn a_name_costs_the_same_each_time_and_only_who_has_the_key_can_tell_what() {
        let counted = [("old", 500), ("new", 500)];
        let (ours, others) = (costs(1, &counted), costs(2, &counted));
        assert_eq!(of_names(&ours), of_names(&ours));
        let alike = of_names(&ours).iter().zip(of_names(&others)).filter(|(ours, others)| *ours == others).count();
        assert!((NAMES * 4 / 10..NAMES * 6 / 10).contains(&alike), "{alike}");
    }

    #[test]
    fn a_name_changes_its_cost_once_as_a_user_does_and_not_back() {
        let mut before = of_names(&costs(1, &[("old", 1000)]));
        // A few, before anybody has logged in.
        assert!((1..=3).contains(&share(&before, "new")));
        for logged_in in [10, 100, 500, 990, 1000] {
            let after = of_names(&costs(1, &[("old", 1000 - logged_in), ("new", logged_in)]));
            assert!(before.iter().zip(&after).all(|(before, after)| before == "old" || after == "new"), "{logged_in}");
            before = after;
        }
        assert!(before.iter().all(|cost| cost == "new"));
    }
}
