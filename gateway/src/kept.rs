//! What outlives the policies it works by: breakers, permits, budgets. Kept by name, begun anew only when its own section
//! of the file is another.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use foldhash::HashMap;

/// States by key, each with the policy it was made for. Reading takes no lock. There are as many as were ever declared.
pub struct Kept<K, P, S>(ArcSwap<HashMap<K, (P, Arc<S>)>>);

impl<K, P, S> Default for Kept<K, P, S> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Copy + Eq + Hash, P: Copy + PartialEq, S> Kept<K, P, S> {
    /// The state under `key` for this `policy`; what stood there for another one is left to those who still use it.
    pub fn of(&self, key: K, policy: P, make: impl Fn() -> S) -> Arc<S> {
        if let Some(state) = find(&self.0.load(), key, policy) {
            return state;
        }
        let new = Arc::new(make());
        let mut standing = Arc::clone(&new);
        self.0.rcu(|all| {
            // Somebody may have been faster.
            standing = find(all, key, policy).unwrap_or_else(|| Arc::clone(&new));
            let mut next = HashMap::clone(all);
            next.insert(key, (policy, Arc::clone(&standing)));
            next
        });
        standing
    }

    /// Every state.
    pub fn all(&self) -> Vec<(K, Arc<S>)> {
        self.0.load().iter().map(|(key, (_, state))| (*key, Arc::clone(state))).collect()
    }
}

fn find<K: Eq + Hash, P: PartialEq, S>(all: &HashMap<K, (P, Arc<S>)>, key: K, policy: P) -> Option<Arc<S>> {
    all.get(&key).filter(|(made_for, _)| *made_for == policy).map(|(_, state)| Arc::clone(state))
}

/// Where one state is, for whoever needs it with every request: beside the declaration that it belongs to, and so for one
/// gateway only. It stays that of this declaration: where a request of before a change of the policies is the first on its
/// route, and between the first ones of two new routes that share a state, these two have one each until the next change.
pub struct Found<S>(OnceLock<Arc<S>>);

impl<S> Found<S> {
    /// The state, looked for at the first time.
    pub fn get(&self, find: impl FnOnce() -> Arc<S>) -> &Arc<S> {
        self.0.get_or_init(find)
    }
}

impl<S> Default for Found<S> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<S> Clone for Found<S> {
    /// To be looked for anew: the clone may become another declaration.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<S> fmt::Debug for Found<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "Found" } else { "Found(not yet)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_not_looked_for_again_but_by_a_clone() {
        let (found, one) = (Found::default(), Arc::new(1));
        assert!(Arc::ptr_eq(found.get(|| Arc::clone(&one)), &one));
        assert!(Arc::ptr_eq(found.get(|| Arc::new(2)), &one));
        assert_eq!(**found.clone().get(|| Arc::new(3)), 3);
    }

    #[test]
    fn a_state_stays_until_its_policy_is_another() {
        let kept = Kept::<&str, u32, String>::default();
        let first = kept.of("store", 1, || "first".to_owned());
        assert!(Arc::ptr_eq(&first, &kept.of("store", 1, || "second".to_owned())));
        assert_eq!(*kept.of("order", 1, || "other".to_owned()), "other");
        assert_eq!(*kept.of("store", 2, || "third".to_owned()), "third");
        assert_eq!((first.as_str(), kept.all().len()), ("first", 2));
    }

    #[test]
    fn of_many_who_come_first_all_get_the_same() {
        let kept = Kept::<u32, u32, ()>::default();
        for key in 0..200 {
            let states: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| kept.of(key, 0, || ()))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(states.iter().all(|state| Arc::ptr_eq(state, &states[0])));
        }
    }
}
