//! Randomized faults: shoppers buy while processes are killed and frozen, servers restarted, ways broken and clocks set,
//! by a plan that a seed decides. In rounds: everything is healed, everything must come to rest, and then the databases
//! and the clients' own history must agree.

mod client;
mod history;
pub mod inflict;
mod load;
pub mod plan;
mod report;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use launch::suite::Suite;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    invariants::{self, Databases, Violation},
    patiently,
    shopper::Shopper,
};
use history::History;
use load::{SKUS, Shopping};
use plan::{Planned, Targets};
pub use report::Report;

/// How long everything may take to come to rest when everything is healed: the longest wait between two attempts, a
/// lease, a token that was made with a wrong clock, and a slow machine.
const REST: Duration = Duration::from_mins(3);
/// After this it is told what is waited for.
const LONG_REST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_secs(2);
/// More than are bought in a round.
const RECEIPT: i64 = 5_000;

/// What is run.
pub struct Settings<'a> {
    /// Where the processes' binaries are.
    pub programs: &'a Path,
    /// Where logs and the history are kept.
    pub directory: &'a Path,
    /// Decides what is broken, when, and what is bought.
    pub seed: u64,
    /// At least so long; the last round is finished.
    pub lasts: Duration,
    /// How long things are broken in each round.
    pub round: Duration,
    /// How many buy at a time.
    pub shoppers: usize,
}

/// Runs it. An error says what is wrong and in which round.
pub async fn run(settings: &Settings<'_>) -> Result<Report> {
    let suite = Suite::breakable(settings.programs, settings.directory).await?;
    suite.start_instance("order").await?;
    let history = Arc::new(History::at(&settings.directory.join("history.jsonl"))?);
    let mut run = Run { suite: Arc::new(suite), history, settings, report: Report::default(), faults: Vec::new() };
    let begin = Instant::now();
    while begin.elapsed() < settings.lasts {
        let nr = run.report.rounds;
        let outcome = run.round(nr).await;
        outcome.with_context(|| {
            let faults = run.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            let kept = settings.directory.display();
            format!("seed {}, round {nr}; logs and history are in {kept}; broken so far:\n{faults}\n", settings.seed)
        })?;
        run.report.rounds += 1;
    }
    run.report.lasted = begin.elapsed();
    run.report.operations = run.history.counts();
    run.suite.stop();
    Ok(run.report)
}

struct Run<'a> {
    suite: Arc<Suite>,
    history: Arc<History>,
    settings: &'a Settings<'a>,
    report: Report,
    // Of this round and those before.
    faults: Vec<Planned>,
}

impl Run<'_> {
    async fn round(&mut self, nr: u64) -> Result<()> {
        self.receive_goods(nr).await?;
        let planned = plan::round(self.settings.seed, nr, self.settings.round, &self.targets());
        self.history.note(&format!("round {nr}"));
        for fault in &planned {
            self.history.note(&fault.to_string());
        }
        self.faults.extend(planned.iter().cloned());
        let stop = Arc::new(AtomicBool::new(false));
        let mut shoppers = self.shoppers(nr, &stop);
        let watched = tokio::spawn(watch(self.databases(), stop.clone()));
        let broken = Instant::now();
        let inflicted = inflict::all(&self.suite, &planned).await;
        stop.store(true, Ordering::Relaxed);
        inflicted?;
        self.report.broken += broken.elapsed();
        let healed = Instant::now();
        self.report.revived.extend(inflict::recover(&self.suite).await?);
        while let Some(ended) = shoppers.join_next().await {
            ended?;
        }
        let (readings, violations) = watched.await?;
        self.report.readings += readings;
        ensure!(violations.is_empty(), "while things were broken:\n{}", violations.join("\n"));
        let rested = self.come_to_rest().await;
        self.report.slowest_rest = self.report.slowest_rest.max(healed.elapsed());
        for it in &planned {
            *self.report.faults.entry(it.fault.kind()).or_default() += 1;
        }
        println!("round {nr}: {} faults, at rest {:.1} s after", planned.len(), healed.elapsed().as_secs_f64());
        rested
    }

    /// Waits until nothing is wrong any more.
    async fn come_to_rest(&mut self) -> Result<()> {
        let (databases, begin) = (self.databases(), Instant::now());
        let mut told = false;
        loop {
            let mut wrong = invariants::between(&databases).await?;
            let orders = invariants::orders(&databases).await?;
            wrong.extend(self.history.broken_promises(&orders, &invariants::charges(&databases).await?));
            if wrong.is_empty() {
                self.report.orders.clear();
                for state in orders.into_values() {
                    *self.report.orders.entry(state).or_default() += 1;
                }
                return Ok(());
            }
            if begin.elapsed() > LONG_REST && !told {
                println!("not at rest after {LONG_REST:?}:\n{}", wrong.join("\n"));
                told = true;
            }
            ensure!(begin.elapsed() < REST, "not at rest after {REST:?}:\n{}", wrong.join("\n"));
            sleep(LOOK).await;
        }
    }

    async fn receive_goods(&self, nr: u64) -> Result<()> {
        patiently(async || {
            let sam = Shopper::log_in(self.suite.public_url(), "sam").await?;
            for sku in SKUS {
                let receipt = json!({"quantity": RECEIPT, "reference": format!("ROUND-{nr}")});
                sam.post(&format!("/api/inventory/v1/stock/{sku}/receipts"), receipt).await?.expect(201)?;
            }
            Ok(())
        })
        .await
    }

    fn shoppers(&self, nr: u64, stop: &Arc<AtomicBool>) -> JoinSet<()> {
        let mut all = JoinSet::new();
        for shopper in 0..self.settings.shoppers {
            let seed = self.settings.seed.wrapping_add(nr.wrapping_mul(1_000));
            all.spawn(Shopping::new(shopper, seed, self.suite.public_url(), &self.history, stop).run());
        }
        all
    }

    fn targets(&self) -> Targets {
        let processes = self.suite.status().into_iter().map(|it| it.id).collect();
        Targets { processes, links: self.suite.links() }
    }

    fn databases(&self) -> Databases {
        let services = ["auth", "store", "inventory", "accounting", "shipping", "order"];
        services.into_iter().map(|service| (service.to_owned(), self.suite.database_url(service))).collect()
    }
}

/// Reads what holds at every moment, again and again; how often, and what did not hold.
async fn watch(databases: Databases, stop: Arc<AtomicBool>) -> (u64, Vec<Violation>) {
    let mut readings = 0;
    while !stop.load(Ordering::Relaxed) {
        // PostgreSQL itself may be down.
        if let Ok(violations) = invariants::inside(&databases).await {
            readings += 1;
            if !violations.is_empty() {
                return (readings, violations);
            }
        }
        sleep(LOOK).await;
    }
    (readings, Vec::new())
}
