//! What happened in a run, for people.

use std::{collections::BTreeMap, fmt, time::Duration};

/// What happened.
#[derive(Debug, Default)]
pub struct Report {
    pub rounds: u64,
    pub lasted: Duration,
    /// Of it, how long things were broken.
    pub broken: Duration,
    pub faults: BTreeMap<&'static str, u64>,
    /// Orders by how they ended.
    pub orders: BTreeMap<String, u64>,
    /// Operations of clients by how they came out.
    pub operations: Vec<String>,
    /// How often all invariants were read while things were broken.
    pub readings: u64,
    /// What ended by itself and was started again.
    pub revived: Vec<String>,
    /// The longest time from healing to rest.
    pub slowest_rest: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |map: &BTreeMap<String, u64>| {
            map.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let faults: BTreeMap<_, _> = self.faults.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        let minutes = |time: Duration| time.as_secs_f64() / 60.0;
        writeln!(
            f,
            "{} rounds in {:.1} minutes, {:.1} of them broken",
            self.rounds,
            minutes(self.lasted),
            minutes(self.broken)
        )?;
        writeln!(f, "faults {}: {}", self.faults.values().sum::<u64>(), list(&faults))?;
        writeln!(f, "orders {}: {}", self.orders.values().sum::<u64>(), list(&self.orders))?;
        writeln!(f, "operations: {}", self.operations.join(", "))?;
        writeln!(
            f,
            "invariants read {} times while broken; slowest rest {:.1} s",
            self.readings,
            self.slowest_rest.as_secs_f64()
        )?;
        write!(f, "ended by themselves and started again: {}", self.revived.len())?;
        self.revived.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
