//! What a change makes wrong (RFC 9111, section 4.4): everything of the collection that the changed resource is in, for a
//! product that is changed stands in every list of products. A collection is the first two parts of a path, as
//! `/v1/products`.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

const SLOTS: usize = 1024;

/// How often each collection was changed, as far as this gateway knows. Some share a number: one is changed with the other.
pub struct Changes {
    hasher: RandomState,
    numbers: Box<[AtomicU64]>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { hasher: RandomState::new(), numbers: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Changes {
    /// The number of changes of the collection that `path` of `service` is in.
    pub fn number(&self, service: &str, path: &str) -> u64 {
        self.slot(service, path).load(Ordering::Acquire)
    }

    /// It was changed: what was asked for before is not right any more.
    pub fn count(&self, service: &str, path: &str) {
        self.slot(service, path).fetch_add(1, Ordering::AcqRel);
    }

    fn slot(&self, service: &str, path: &str) -> &AtomicU64 {
        let hash = self.hasher.hash_one((service, collection(path)));
        &self.numbers[usize::try_from(hash % SLOTS as u64).unwrap_or_default()]
    }
}

fn collection(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_of_the_collection() {
        assert_eq!(collection("/v1/products/MUG-BLUE/price"), "/v1/products");
        assert_eq!(collection("/v1/products"), "/v1/products");
        assert_eq!(collection("/v1"), "/v1");
        let changes = Changes::default();
        changes.count("store", "/v1/products/MUG-BLUE/price");
        assert_eq!(changes.number("store", "/v1/products"), 1);
    }
}
