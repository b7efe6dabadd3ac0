//! How many connections there are, in sum and from each address, over all runtimes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Connections;

/// The connections that are open now.
#[derive(Clone, Default)]
pub struct Bounds(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Bounds {
    /// Counts a connection in until the answer is dropped; `None` if there are enough.
    pub fn admit(&self, address: IpAddr, limits: &Connections) -> Option<Held> {
        let address = network(address);
        let mut open = self.lock();
        let from_there = open.by_address.get(&address).copied().unwrap_or(0);
        if open.total >= limits.total || from_there >= limits.per_address {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_there + 1);
        Some(Held { bounds: self.clone(), address })
    }

    /// How many are open.
    pub fn total(&self) -> usize {
        self.lock().total
    }

    // The counts fit each other after every call.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one caller can be held to have: who has one IPv6 address has 2^64 of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A connection that is counted.
pub struct Held {
    bounds: Bounds,
    address: IpAddr,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.bounds.lock();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_in_sum_and_by_address_and_come_back() {
        let limits = Connections { total: 3, per_address: 2, ..Connections::default() };
        let bounds = Bounds::default();
        let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = bounds.admit(a, &limits).unwrap();
        let _second = bounds.admit(a, &limits).unwrap();
        assert!(bounds.admit(a, &limits).is_none(), "a third from one address");
        let _third = bounds.admit(b, &limits).unwrap();
        assert!(bounds.admit(b, &limits).is_none(), "a fourth in sum");
        drop(first);
        assert!(bounds.admit(a, &limits).is_some());
        assert_eq!(bounds.total(), 2);
    }

    #[test]
    fn addresses_of_one_network_are_one_and_nothing_is_kept_of_who_left() {
        let limits = Connections { per_address: 1, ..Connections::default() };
        let bounds = Bounds::default();
        let held = bounds.admit("2001:db8::1".parse().unwrap(), &limits);
        assert!(bounds.admit("2001:db8::ffff".parse().unwrap(), &limits).is_none());
        assert!(bounds.admit("2001:db8:0:1::1".parse().unwrap(), &limits).is_some());
        let mapped = bounds.admit("::ffff:10.0.0.1".parse().unwrap(), &limits);
        assert!(bounds.admit([10, 0, 0, 1].into(), &limits).is_none());
        drop((held, mapped));
        assert!(bounds.lock().by_address.is_empty());
    }
}
