//! Clients that could not say who they are. Anybody can fail so, as often as he likes: what is written down of it is
//! bounded, and says how often.

use std::{collections::HashMap, net::IpAddr};

use time::{Duration, OffsetDateTime};

/// How soon the same is written down again.
const EVERY: Duration = Duration::minutes(1);
/// How many are told apart at a time. The rest is counted together.
const APART: usize = 64;

/// Who failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Failed {
    /// The client, if there is one with the name that was given.
    pub client_id: Option<String>,
    /// Where the request came from; of IPv6 the network.
    pub address: Option<IpAddr>,
}

/// Counts who failed how often since it was written down.
#[derive(Debug, Default)]
pub struct ClientFailures {
    of: HashMap<Failed, Count>,
}

#[derive(Debug, Default)]
struct Count {
    times: u64,
    written_at: Option<OffsetDateTime>,
}

impl Failed {
    /// A client, if it is known, that failed from there.
    pub fn new(client_id: Option<String>, address: Option<IpAddr>) -> Self {
        Self { client_id, address: address.map(network) }
    }
}

impl ClientFailures {
    /// Counts one.
    pub fn note(&mut self, failed: Failed) {
        let apart = self.of.len() < APART || self.of.contains_key(&failed);
        self.of.entry(if apart { failed } else { Failed::default() }).or_default().times += 1;
    }

    /// What is to be written down now, and how often it was: each of them once a minute.
    pub fn take_due(&mut self, now: OffsetDateTime) -> Vec<(Failed, u64)> {
        let is_due = |count: &Count| count.written_at.is_none_or(|at| now - at >= EVERY);
        self.of.retain(|_, count| count.times > 0 || !is_due(count));
        let due = self.of.iter_mut().filter(|(_, count)| count.times > 0 && is_due(count));
        due.map(|(failed, count)| {
            count.written_at = Some(now);
            (failed.clone(), std::mem::take(&mut count.times))
        })
        .collect()
    }
}

// Whoever has one IPv6 address there has them all.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    fn failed(client_id: &str, address: &str) -> Failed {
        Failed::new(Some(client_id.to_owned()), address.parse().ok())
    }

    #[test]
    fn each_client_at_each_address_is_written_down_once_a_minute_with_how_often_it_was() {
        let mut failures = ClientFailures::default();
        let (here, there) = (failed("order", "192.0.2.1"), failed("order", "192.0.2.2"));
        for who in [&here, &here, &there] {
            failures.note(who.clone());
        }
        let mut due = failures.take_due(NOW);
        due.sort_by_key(|(_, times)| *times);
        assert_eq!(due, [(there, 1), (here.clone(), 2)]);
        for second in 1..60 {
            failures.note(here.clone());
            assert!(failures.take_due(NOW + Duration::seconds(second)).is_empty());
        }
        assert_eq!(failures.take_due(NOW + Duration::minutes(1)), [(here, 59)]);
        assert!(failures.take_due(NOW + Duration::minutes(2)).is_empty() && failures.of.is_empty());
    }

    #[test]
    fn however_many_fail_little_is_written_down_and_nothing_goes_uncounted() {
        let mut failures = ClientFailures::default();
        let mut written: Vec<(Failed, u64)> = Vec::new();
        for nth in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from(nth).into();
            failures.note(Failed::new(None, Some(address)));
            written.extend(failures.take_due(NOW + Duration::milliseconds(i64::from(nth))));
        }
        assert!(written.len() <= APART + 1, "{}", written.len());
        written.extend(failures.take_due(NOW + Duration::minutes(2)));
        assert_eq!(written.iter().map(|(_, times)| times).sum::<u64>(), 10_000);
    }

    #[test]
    fn of_ipv6_a_network_is_one_address() {
        assert_eq!(failed("order", "2001:db8::1"), failed("order", "2001:db8::ffff:1"));
        assert_ne!(failed("order", "2001:db8::1"), failed("order", "2001:db8:0:1::1"));
    }
}
