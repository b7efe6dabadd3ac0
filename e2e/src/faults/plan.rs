//! What is broken, when and for how long: all of it decided by the seed, before anything starts.

use std::{fmt, ops::Range, time::Duration};

use launch::link::Way;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Something that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; heals by a start.
    Kill(String),
    /// SIGSTOP; heals by SIGCONT.
    Freeze(String),
    /// `pg_ctl restart -m immediate`; heals by itself.
    RestartPostgres,
    /// SIGKILL to the postmaster; heals by a start.
    KillPostgres,
    /// SIGKILL; heals by a start with the same streams.
    KillNats,
    /// SIGSTOP; heals by SIGCONT.
    FreezeNats,
    /// The way from one to another.
    Link(String, String, Way),
    /// So many seconds ahead.
    Clock(String, i64),
}

/// A fault with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// From the beginning of the round.
    pub at: Duration,
    /// Until it is healed.
    pub lasts: Duration,
    pub fault: Fault,
}

/// What can be broken.
#[derive(Clone, Debug)]
pub struct Targets {
    pub processes: Vec<String>,
    pub links: Vec<(String, String)>,
}

/// How many things are broken at a time at the most.
const LANES: usize = 2;
/// What was healed is left alone for so long.
const RECOVERY: Duration = Duration::from_secs(2);
const HOUR: i64 = 3_600;

/// The faults of a round that lasts `length`, in order of time. The same arguments give the same.
pub fn round(seed: u64, round: u64, length: Duration, targets: &Targets) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut planned: Vec<Planned> = Vec::new();
    for _ in 0..LANES {
        let mut at = millis(&mut random, 200..3_000);
        while at < length {
            let fault = fault(&mut random, targets);
            let lasts = lasts(&mut random, &fault).min(length.saturating_sub(at));
            let touched = planned.iter().any(|other| {
                other.fault.target() == fault.target()
                    && at < other.at + other.lasts + RECOVERY
                    && other.at < at + lasts + RECOVERY
            });
            if !touched {
                planned.push(Planned { at, lasts, fault });
                at += lasts;
            }
            at += millis(&mut random, 100..3_000);
        }
    }
    planned.sort_by_key(|it| it.at);
    planned
}

fn fault(random: &mut StdRng, targets: &Targets) -> Fault {
    let process = targets.processes.choose(random).cloned().unwrap_or_default();
    let (from, to) = targets.links.choose(random).cloned().unwrap_or_default();
    match random.random_range(0..100) {
        0..20 => Fault::Kill(process),
        20..37 => Fault::Freeze(process),
        37..42 => Fault::RestartPostgres,
        42..45 => Fault::KillPostgres,
        45..50 => Fault::KillNats,
        50..55 => Fault::FreezeNats,
        55..64 => Fault::Link(from, to, Way::Cut),
        64..73 => Fault::Link(from, to, Way::HalfOpen),
        73..81 => Fault::Link(from, to, Way::Stalled),
        81..90 => Fault::Link(from, to, Way::Slow(millis(random, 10..400))),
        _ => Fault::Clock(process, if random.random_bool(0.5) { HOUR } else { -HOUR }),
    }
}

/// Long enough for leases, deadlines and heartbeats to run out now and then.
fn lasts(random: &mut StdRng, fault: &Fault) -> Duration {
    match fault {
        Fault::RestartPostgres => Duration::ZERO,
        Fault::KillPostgres => rather_short(random, 100..5_000),
        Fault::Kill(_) | Fault::KillNats => rather_short(random, 100..9_000),
        Fault::Freeze(_) | Fault::FreezeNats | Fault::Link(..) => rather_short(random, 300..16_000),
        Fault::Clock(..) => rather_short(random, 2_000..16_000),
    }
}

fn millis(random: &mut StdRng, range: Range<u64>) -> Duration {
    Duration::from_millis(random.random_range(range))
}

/// Short ones are more frequent.
fn rather_short(random: &mut StdRng, range: Range<u64>) -> Duration {
    millis(random, range.clone()).min(millis(random, range))
}

impl Fault {
    /// What is broken: nothing is broken twice at a time.
    fn target(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Kill(id) | Self::Freeze(id) => ("process", id, ""),
            Self::RestartPostgres | Self::KillPostgres => ("postgres", "", ""),
            Self::KillNats | Self::FreezeNats => ("nats", "", ""),
            Self::Link(from, to, _) => ("link", from, to),
            Self::Clock(id, _) => ("clock", id, ""),
        }
    }

    /// The kind of fault, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill(_) => "process killed",
            Self::Freeze(_) => "process frozen",
            Self::RestartPostgres => "PostgreSQL restarted immediately",
            Self::KillPostgres => "PostgreSQL killed",
            Self::KillNats => "NATS killed",
            Self::FreezeNats => "NATS frozen",
            Self::Link(_, _, Way::Cut) => "link cut",
            Self::Link(_, _, Way::HalfOpen) => "link half open",
            Self::Link(_, _, Way::Stalled) => "link stalled",
            Self::Link(..) => "link slow",
            Self::Clock(..) => "clock an hour off",
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (begin, end) = (self.at.as_secs_f64(), (self.at + self.lasts).as_secs_f64());
        write!(f, "{begin:6.1} to {end:5.1} s  {}", self.fault.kind())?;
        match &self.fault {
            Fault::Kill(id) | Fault::Freeze(id) => write!(f, ": {id}"),
            Fault::Link(from, to, Way::Slow(pause)) => write!(f, ": {from} to {to}, {pause:?}"),
            Fault::Link(from, to, _) => write!(f, ": {from} to {to}"),
            Fault::Clock(id, ahead) => write!(f, ": {id}, {ahead:+} s"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LENGTH: Duration = Duration::from_mins(1);

    fn targets() -> Targets {
        let processes = ["auth", "order", "store"].map(str::to_owned).to_vec();
        let links = processes.iter().map(|it| (it.clone(), "postgres".to_owned())).collect();
        Targets { processes, links }
    }

    #[test]
    fn a_seed_gives_the_same_faults_again_and_another_gives_others() {
        assert_eq!(round(7, 3, LENGTH, &targets()), round(7, 3, LENGTH, &targets()));
        assert_ne!(round(7, 3, LENGTH, &targets()), round(8, 3, LENGTH, &targets()));
        assert_ne!(round(7, 3, LENGTH, &targets()), round(7, 4, LENGTH, &targets()));
    }

    #[test]
    fn nothing_is_broken_twice_at_a_time_and_all_is_healed_at_the_end() {
        for seed in 0..50 {
            let planned = round(seed, 0, LENGTH, &targets());
            for (nr, one) in planned.iter().enumerate() {
                assert!(one.at + one.lasts <= LENGTH, "{one}");
                for other in &planned[nr + 1..] {
                    let apart = other.at >= one.at + one.lasts;
                    assert!(apart || one.fault.target() != other.fault.target(), "{one} and {other}");
                }
            }
        }
    }

    #[test]
    fn every_kind_of_fault_comes_in_time() {
        let kinds = |seed| round(seed, 0, LENGTH, &targets()).into_iter().map(|it| it.fault.kind());
        let all: BTreeSet<_> = (0..50).flat_map(kinds).collect();
        assert_eq!(all.len(), 11, "{all:?}");
    }
}
