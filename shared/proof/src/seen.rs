//! Which proofs were used already, in the memory of one process. Bounded; a proof that was used is never taken again,
//! also not when there is no room to remember it.

use std::collections::{BTreeMap, HashSet};

use crate::{LATEST, Proof};

/// The proofs used lately.
pub struct Seen {
    capacity: usize,
    kept: usize,
    // By the second in which they were made.
    by_second: BTreeMap<i64, HashSet<[u8; 16]>>,
    // Proofs made until then are refused: some of them were forgotten to make room.
    forgotten: i64,
}

impl Seen {
    /// Remembers up to `capacity` proofs, the youngest.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), kept: 0, by_second: BTreeMap::new(), forgotten: i64::MIN }
    }

    /// Whether the proof would be refused. Takes no room, and so asks nothing of others.
    pub fn is_used(&self, proof: &Proof, now: i64) -> bool {
        let known = || self.by_second.get(&proof.made_at).is_some_and(|ids| ids.contains(&short(proof)));
        proof.made_at <= self.forgotten.max(now - LATEST) || known()
    }

    /// Whether the proof was not used before; from now on it was.
    pub fn is_first_use(&mut self, proof: &Proof, now: i64) -> bool {
        self.forget_until(now - LATEST);
        if proof.made_at <= self.forgotten {
            return false;
        }
        let is_first = self.by_second.entry(proof.made_at).or_default().insert(short(proof));
        self.kept += usize::from(is_first);
        while self.kept > self.capacity
            && let Some((&oldest, _)) = self.by_second.first_key_value()
        {
            self.forget_until(oldest);
        }
        is_first
    }

    fn forget_until(&mut self, second: i64) {
        while let Some(oldest) = self.by_second.first_entry().filter(|oldest| *oldest.key() <= second) {
            self.kept -= oldest.remove().len();
        }
        self.forgotten = self.forgotten.max(second);
    }
}

fn short(proof: &Proof) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&proof.id[..16]);
    id
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Thumbprint;

    fn proof(nth: u8, made_at: i64) -> Proof {
        Proof { key: Thumbprint([0; 32]), id: [nth; 32], made_at, nonce: None }
    }

    #[test]
    fn a_proof_is_used_once() {
        let mut seen = Seen::new(8);
        assert!(seen.is_first_use(&proof(1, 100), 100));
        assert!(!seen.is_first_use(&proof(1, 100), 160), "as long as its age is right");
        assert!(seen.is_first_use(&proof(2, 100), 160));
    }

    #[test]
    fn what_is_too_old_to_be_used_takes_no_room() {
        let mut seen = Seen::new(8);
        (0..4).for_each(|nth| assert!(seen.is_first_use(&proof(nth, 100), 100)));
        assert!(seen.is_first_use(&proof(9, 200), 200));
        assert_eq!(seen.kept, 1);
        assert!(seen.is_used(&proof(10, 100), 100 + LATEST), "too old to be known");
        assert!(!seen.is_first_use(&proof(10, 100), 100 + LATEST));
    }

    proptest! {
        #[test]
        fn however_small_the_memory_nothing_is_used_twice(
            capacity in 1_usize..5,
            uses in proptest::collection::vec((0_u8..12, 0_i64..10, 0_i64..3), 0..80),
        ) {
            let (mut seen, mut used, mut now) = (Seen::new(capacity), HashSet::new(), LATEST + 2);
            for (nth, made_at, later) in uses {
                now += later;
                let is_used = seen.is_used(&proof(nth, made_at), now);
                let is_first_use = seen.is_first_use(&proof(nth, made_at), now);
                prop_assert_eq!(is_first_use, !is_used);
                if is_first_use {
                    prop_assert!(used.insert((nth, made_at)));
                }
                prop_assert!(seen.kept <= capacity);
                prop_assert_eq!(seen.kept, seen.by_second.values().map(HashSet::len).sum::<usize>());
            }
        }
    }
}
