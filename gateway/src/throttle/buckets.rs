//! The buckets of many, bounded. One that is full again need not be kept.

use std::{
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::HashMap;

use super::bucket::{Empty, Left, Share};

const SHARDS: usize = 64;

/// Buckets by a hash of whose they are: of two in 2^64 who share one, neither notices. `S` is how that is made: where
/// strangers choose whose they are, so that they cannot choose who shares one.
pub struct Buckets<S> {
    shards: Vec<Mutex<HashMap<u64, u64>>>,
    hasher: S,
    // Of one shard.
    room: usize,
}

impl<S: BuildHasher + Default> Buckets<S> {
    /// For up to so many that are not full.
    pub fn new(room: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: S::default(), room: room.div_ceil(SHARDS) }
    }

    /// Takes one request out of `whose` bucket.
    pub fn take(&self, whose: impl Hash, share: &Share, now: u64) -> Result<Left, Empty> {
        let key = self.hasher.hash_one(whose);
        let mut buckets = self.shard(key);
        if let Some(full_at) = buckets.get_mut(&key) {
            let (after, left) = share.take(*full_at, now)?;
            *full_at = after;
            return Ok(left);
        }
        let (full_at, left) = share.take(0, now)?;
        if buckets.len() >= self.room {
            make_room(&mut buckets, self.room, now);
        }
        buckets.insert(key, full_at);
        Ok(left)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, u64>> {
        // The lowest bits choose within the map.
        lock(&self.shards[(key >> 32) as usize % SHARDS])
    }
}

// If that is not enough, every other one is full before its time. So each removal is paid for by an insertion.
fn make_room(buckets: &mut HashMap<u64, u64>, room: usize, now: u64) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() > room / 2 {
        let mut kept = false;
        buckets.retain(|_, _| {
            kept = !kept;
            kept
        });
    }
}

// A map is whole after every statement.
fn lock(shard: &Mutex<HashMap<u64, u64>>) -> MutexGuard<'_, HashMap<u64, u64>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::super::bucket::Rate;
    use super::*;

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let (buckets, share) = (Buckets::<RandomState>::new(1_000), Rate { requests: 2, seconds: 60 }.share(1));
        for _ in 0..2 {
            assert!(buckets.take(("demo", "alice"), &share, 0).is_ok());
        }
        assert!(buckets.take(("demo", "alice"), &share, 0).is_err());
        assert!(buckets.take(("demo", "bob"), &share, 0).is_ok());
        assert!(buckets.take(("other", "alice"), &share, 0).is_ok());
    }

    #[test]
    fn however_many_come_the_bound_holds() {
        let (buckets, share) = (Buckets::<RandomState>::new(1_000), Rate { requests: 5, seconds: 60 }.share(1));
        for whose in 0..100_000_u64 {
            buckets.take(whose, &share, whose).unwrap();
            assert!(buckets.len() <= 1_024);
        }
    }

    #[test]
    fn who_is_busy_stays_while_those_who_are_full_again_make_room() {
        let share = Rate { requests: 2, seconds: 2 }.share(1);
        // Room for 256 in each shard. 219 of those who are full again fall into one, with the 63 newcomers too many; that
        // of the latter more than half of the room falls into one would be eight standard deviations.
        let buckets = Buckets::<RandomState>::new(256 * SHARDS);
        let hour = 3_600 * 1_000_000_000;
        for whose in 0..14_000_u64 {
            buckets.take(whose, &share, 0).unwrap();
        }
        let busy = |now| (0..3).map(|_| buckets.take("busy", &share, now).is_ok()).collect::<Vec<_>>();
        assert_eq!(busy(hour), [true, true, false]);
        for whose in 20_000..24_000_u64 {
            buckets.take(whose, &share, hour).unwrap();
        }
        assert_eq!(busy(hour), [false; 3]);
    }
}
