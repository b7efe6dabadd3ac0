//! What happened, for people.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    time::Duration,
};

use super::{
    Settings,
    inflict::Inflicted,
    load::Told,
    operator::Met,
    readings::{Permits, Reading},
    verdict::Series,
};

/// What happened, and what was left behind.
#[derive(Debug, Default)]
pub struct Report {
    seed: u64,
    rate: u32,
    warm_up: Duration,
    /// With faults.
    pub lasted: Duration,
    /// What callers were told meanwhile.
    pub load: Told,
    /// How many faults of each kind were declared, and how often they were met.
    pub faults: BTreeMap<&'static str, (u64, u64)>,
    not_declared: u64,
    /// Until nothing was left, or for how long that was waited for.
    pub rest: Duration,
    pub(super) series: BTreeMap<String, Series>,
    /// What should not be there at the end. Empty: all is well.
    pub left_behind: Vec<String>,
}

impl Report {
    pub(super) fn new(settings: &Settings<'_>) -> Self {
        let Settings { seed, rate, warm_up, .. } = *settings;
        Self { seed, rate, warm_up, ..Self::default() }
    }

    pub(super) fn inflicted(&mut self, it: &Inflicted) {
        if it.declared {
            self.faults.entry(it.kind).or_default().0 += 1;
        } else {
            self.not_declared += 1;
        }
    }

    pub(super) fn met(&mut self, met: &Met) {
        for (kind, (_, times)) in &mut self.faults {
            *times += met.get(*kind).copied().unwrap_or_default();
        }
    }

    /// How many errands were run.
    pub fn errands(&self) -> u64 {
        self.load.values().sum()
    }
}

/// One line while it runs.
pub fn line(now: Duration, callers: usize, permits: Option<Permits>, gateway: Reading, told: &Told) -> String {
    let permits = permits.map_or_else(
        || "no /status".to_owned(),
        |it| {
            format!(
                "let in {}, places {}, in line {}, at instances {}",
                it.admitted, it.places, it.waiting, it.at_instances
            )
        },
    );
    let well =
        told.iter().filter(|(told, _)| told.starts_with('2') || *told == "order").map(|(_, times)| times).sum::<u64>();
    let other = told.values().sum::<u64>() - well;
    format!(
        "{:6.1} s  {well} well, {other} not, {callers} wait; {permits}; gateway {}",
        now.as_secs_f64(),
        reading(gateway)
    )
}

/// All processes in a line.
pub fn shown(readings: &BTreeMap<String, Reading>) -> String {
    let all = readings.iter().map(|(id, it)| format!("{id} {}", reading(*it)));
    all.collect::<Vec<_>>().join("; ")
}

fn reading(Reading { memory, handles, threads }: Reading) -> String {
    format!("{} MiB, {handles} handles, {threads} threads", mebi(memory))
}

fn mebi(kibi: u64) -> String {
    format!("{}.{}", kibi / 1024, kibi % 1024 * 10 / 1024)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, rate, .. } = self;
        let (warm_up, lasted) = (self.warm_up.as_secs_f64(), self.lasted.as_secs_f64());
        writeln!(f, "seed {seed}: {rate} callers a second, {warm_up:.0} s without faults, {lasted:.0} s with them")?;
        let list = |all: Vec<String>| all.join(", ");
        let told = self.load.iter().map(|(told, times)| format!("{told}: {times}")).collect();
        writeln!(f, "{} errands: {}", self.errands(), list(told))?;
        let faults = self.faults.iter().map(|(kind, (declared, met))| format!("{kind} {declared} (met {met} times)"));
        let late = if self.not_declared > 0 { format!("; {} not declared", self.not_declared) } else { String::new() };
        writeln!(f, "faults: {}{late}", list(faults.collect()))?;
        write!(f, "{}", self.table())?;
        if self.left_behind.is_empty() {
            write!(f, "nothing is left {:.1} s after the last caller came", self.rest.as_secs_f64())
        } else {
            write!(f, "LEFT BEHIND after {:.0} s:", self.rest.as_secs_f64())?;
            self.left_behind.iter().try_for_each(|line| write!(f, "\n  {line}"))
        }
    }
}

impl Report {
    fn table(&self) -> String {
        let mut table = String::from(
            "| | MiB warm | floor of the first third | of the last | at rest | handles warm | most | at rest | threads warm | at rest |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (id, it) in &self.series {
            let (first, last) = it.thirds();
            let most = it.under_load.iter().map(|it| it.handles).max().unwrap_or_default();
            let memory = [it.warm.memory, first, last, it.at_rest.memory].map(mebi).join(" | ");
            // Writing to a String does not fail.
            let _ = writeln!(
                table,
                "| {id} | {memory} | {} | {most} | {} | {} | {} |",
                it.warm.handles, it.at_rest.handles, it.warm.threads, it.at_rest.threads
            );
        }
        table
    }
}
