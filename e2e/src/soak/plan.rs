//! Which faults are declared when, where and for how long: all of it decided by the seed, before anything starts.

use std::{fmt, ops::Range, time::Duration};

use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use serde_json::{Value, json};

/// Where faults can be declared.
pub const SERVICES: [&str; 5] = ["store", "inventory", "accounting", "shipping", "order"];

const KINDS: [&str; 5] = ["latency", "fail", "hang", "drop", "refuse"];
/// So many services at a time.
const LANES: usize = 2;
/// What was taken back is left alone for so long.
const RECOVERY: Duration = Duration::from_secs(2);

/// A fault with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// From the beginning.
    pub at: Duration,
    /// Until it is taken back.
    pub lasts: Duration,
    pub service: &'static str,
    effect: Value,
    probability: f64,
}

/// The faults of a run that lasts `length`, in order of time. The same arguments give the same.
pub fn of(seed: u64, length: Duration) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut lanes = [(); LANES].map(|()| millis(&mut random, 500..2_500));
    let (mut planned, mut deck): (Vec<Planned>, Vec<&str>) = (Vec::new(), Vec::new());
    while let Some(lane) = lanes.iter_mut().min().filter(|at| **at < length) {
        let at = *lane;
        let lasts = millis(&mut random, 2_000..8_000).min(length.saturating_sub(at));
        let busy =
            |service: &&&str| !planned.iter().any(|it| it.service == **service && at < it.at + it.lasts + RECOVERY);
        let free: Vec<_> = SERVICES.iter().filter(busy).collect();
        if let Some(service) = free.choose(&mut random) {
            if deck.is_empty() {
                deck.extend(KINDS);
                deck.shuffle(&mut random);
            }
            let effect = effect(&mut random, deck.pop().unwrap_or_default());
            let probability = f64::from(random.random_range(2..=10)) / 10.0;
            planned.push(Planned { at, lasts, service, effect, probability });
            *lane += lasts;
        }
        *lane += millis(&mut random, 500..2_500);
    }
    planned
}

fn effect(random: &mut StdRng, kind: &str) -> Value {
    match kind {
        "latency" => json!({"kind": kind, "millis": random.random_range(50..1_500)}),
        "fail" => json!({"kind": kind, "status": random.random_range(500..505)}),
        "refuse" => json!({"kind": kind, "status": 409, "code": "declared_refusal"}),
        _ => json!({"kind": kind}),
    }
}

fn millis(random: &mut StdRng, range: Range<u64>) -> Duration {
    Duration::from_millis(random.random_range(range))
}

impl Planned {
    /// As it is declared. It ends by itself when nobody can take it back.
    pub fn fault(&self) -> Value {
        let seconds = self.lasts.as_secs() + 1;
        let mut fault =
            json!({"route": "/v1", "effect": self.effect, "probability": self.probability, "seconds": seconds});
        if self.kind() == "refuse" {
            // What an order asks for is refused for good, also what undoes it: that would be for people to mend.
            fault["method"] = "GET".into();
        }
        fault
    }

    /// The kind of fault, for counting.
    pub fn kind(&self) -> &'static str {
        KINDS.into_iter().find(|kind| self.effect["kind"] == *kind).unwrap_or_default()
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (begin, end) = (self.at.as_secs_f64(), (self.at + self.lasts).as_secs_f64());
        let share = self.probability * 100.0;
        write!(f, "    {begin:6.1} to {end:5.1} s  {}: {} for {share:.0} %", self.service, self.effect)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(40);

    #[test]
    fn a_seed_gives_the_same_faults_again_and_another_gives_others() {
        assert_eq!(of(7, LENGTH), of(7, LENGTH));
        assert_ne!(of(7, LENGTH), of(8, LENGTH));
    }

    #[test]
    fn every_kind_comes_in_time_one_at_a_service_and_all_are_over_at_the_end() {
        for seed in 0..50 {
            let planned = of(seed, LENGTH);
            let kinds: BTreeSet<_> = planned.iter().map(Planned::kind).collect();
            assert_eq!(kinds, BTreeSet::from(KINDS), "{seed}");
            for (nr, one) in planned.iter().enumerate() {
                assert!(one.at + one.lasts <= LENGTH, "{one}");
                for other in planned[nr + 1..].iter().filter(|it| it.service == one.service) {
                    assert!(other.at >= one.at + one.lasts + RECOVERY, "{one} and {other}");
                }
            }
        }
    }
}
