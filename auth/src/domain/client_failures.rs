//! Clients that could not say who they are. Anybody can fail so, as often as he likes: what is written down of it is
//! bounded, and says how often.

use std::{collections::HashMap, net::IpAddr};

use time::{Duration, OffsetDateTime};

/// How soon the same is written down again.
const EVERY: Duration = Duration::minutes(1);
/// How many are told apart at a time. Where there are more, so many clients, wherever they fail: whoever fails from
/// everywhere does not hide at which client. The rest is counted together.
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
        let anywhere = Failed { address: None, ..failed.clone() };
        let told_apart = [failed, anywhere].into_iter().find(|failed| self.has_room_for(failed));
        self.of.entry(told_apart.unwrap_or_default()).or_default().times += 1;
    }

    fn has_room_for(&self, failed: &Failed) -> bool {
        let alike = |it: &&Failed| it.address.is_some() == failed.address.is_some() && **it != Failed::default();
        self.of.contains_key(failed) || self.of.keys().filter(alike).count() < APART
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

    /// Everything that is not written down yet: there will be no other time.
    pub fn take_all(&mut self) -> Vec<(Failed, u64)> {
        let all = self.of.drain().map(|(failed, count)| (failed, count.times));
        all.filter(|(_, times)| *times > 0).collect()
    }

    /// Counts again what could not be written down. It is due at once.
    pub fn put_back(&mut self, taken: Vec<(Failed, u64)>) {
        for (failed, times) in taken {
            let count = self.of.entry(failed).or_default();
            count.times += times;
            count.written_at = None;
        }
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
        assert!(written.len() <= 2 * APART + 1, "{}", written.len());
        written.extend(failures.take_due(NOW + Duration::minutes(2)));
        assert_eq!(written.iter().map(|(_, times)| times).sum::<u64>(), 10_000);
    }

    #[test]
    fn at_which_client_secrets_are_guessed_is_told_however_many_fail_elsewhere() {
        let mut failures = ClientFailures::default();
        let from = |nth: u32| Some(std::net::Ipv4Addr::from(nth).into());
        for nth in 0..1_000 {
            failures.note(Failed::new(None, from(nth)));
            failures.note(Failed::new(Some("order".to_owned()), from(10_000 + nth)));
        }
        let due = failures.take_due(NOW);
        let of_order = due.iter().filter(|(failed, _)| failed.client_id.is_some()).map(|(_, times)| times).sum::<u64>();
        assert_eq!(of_order, 1_000);
        // And of clients, too, there may be many.
        for nth in 0..1_000 {
            failures.note(Failed::new(Some(format!("client-{nth}")), from(20_000 + nth)));
        }
        assert!(failures.of.len() <= 2 * APART + 1, "{}", failures.of.len());
        assert_eq!(failures.take_all().iter().map(|(_, times)| times).sum::<u64>(), 1_000);
    }

    #[test]
    fn what_could_not_be_written_down_is_due_again_and_nothing_is_left_behind_at_the_end() {
        let mut failures = ClientFailures::default();
        let here = failed("order", "192.0.2.1");
        failures.note(here.clone());
        let due = failures.take_due(NOW);
        failures.note(here.clone());
        failures.put_back(due);
        assert_eq!(failures.take_due(NOW + Duration::seconds(1)), [(here.clone(), 2)]);
        failures.note(here.clone());
        assert!(failures.take_due(NOW + Duration::seconds(2)).is_empty());
        assert_eq!(failures.take_all(), [(here, 1)]);
        assert!(failures.take_all().is_empty());
    }

    #[test]
    fn of_ipv6_a_network_is_one_address() {
        assert_eq!(failed("order", "2001:db8::1"), failed("order", "2001:db8::ffff:1"));
        assert_ne!(failed("order", "2001:db8::1"), failed("order", "2001:db8:0:1::1"));
    }
}
