//! A steady load for minutes on end, while operators declare faults and take them back by a plan that a seed decides. When
//! it is over nothing may be left behind: no permit, no file handle, no memory, no order that is half done.

mod inflict;
mod load;
mod operator;
mod plan;
mod readings;
mod report;
mod verdict;

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use launch::suite::Suite;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    invariants::{self, Databases},
    patiently,
    shopper::Shopper,
};
use load::{Load, SKUS};
use operator::Operator;
use readings::Reading;
pub use report::Report;
use verdict::{Series, left_behind};

/// Longer than the gateway keeps a connection that rests, 15 s and up to 5 until it looks.
const REST: Duration = Duration::from_secs(21);
/// Within this time all must have ended: what callers wait for, connections that others keep, orders under way.
const PEACE: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(500);
const RECEIPT: i64 = 5_000;

/// What is run.
pub struct Settings<'a> {
    /// Where the processes' binaries are.
    pub programs: &'a Path,
    /// Where logs and readings are kept.
    pub directory: &'a Path,
    /// Decides what is asked and which faults are declared when.
    pub seed: u64,
    /// What callers begin in a second, however long they wait for answers.
    pub rate: u32,
    /// Before faults are declared: what is there afterwards is the measure.
    pub warm_up: Duration,
    /// With faults.
    pub lasts: Duration,
    /// Between two readings.
    pub look: Duration,
}

/// Runs it. The report says what was left behind; an error, that it could not be run.
pub async fn run(settings: &Settings<'_>) -> Result<Report> {
    let suite = Suite::teachable(settings.programs, settings.directory).await?;
    receive_goods(&suite).await?;
    let operator = Arc::new(Operator::log_in(suite.public_url()).await?);
    let mut run = Run { suite, operator, settings, report: Report::new(settings), series: BTreeMap::new() };
    run.warm_up().await?;
    run.load().await?;
    run.come_to_rest().await?;
    run.suite.stop();
    Ok(run.report)
}

async fn receive_goods(suite: &Suite) -> Result<()> {
    let sam = Shopper::log_in(suite.public_url(), "sam").await?;
    for sku in SKUS {
        let receipt = json!({"quantity": RECEIPT, "reference": "SOAK"});
        patiently(async || {
            sam.post(&format!("/api/inventory/v1/stock/{sku}/receipts"), receipt.clone()).await?.expect(201)
        })
        .await?;
    }
    Ok(())
}

struct Run<'a> {
    suite: Suite,
    operator: Arc<Operator>,
    settings: &'a Settings<'a>,
    report: Report,
    series: BTreeMap<String, Series>,
}

impl Run<'_> {
    /// The same load without faults, and what is there when nobody asks any more.
    async fn warm_up(&mut self) -> Result<()> {
        let load = self.begin(0).await?;
        sleep(self.settings.warm_up).await;
        load.end().await?;
        sleep(REST).await;
        self.series = self.read()?.into_iter().map(|(id, reading)| (id, Series::from(reading))).collect();
        println!("warmed up: {}", report::shown(&self.read()?));
        Ok(())
    }

    async fn load(&mut self) -> Result<()> {
        let planned = plan::of(self.settings.seed, self.settings.lasts);
        let load = self.begin(1).await?;
        let (began, operator) = (Instant::now(), Arc::clone(&self.operator));
        let (inflicted, watched) = tokio::join!(inflict::all(&operator, planned, began), self.watch(&load, began));
        watched?;
        for it in &inflicted {
            self.report.inflicted(it);
        }
        self.report.met(&operator.take_all_back().await?);
        self.report.lasted = began.elapsed();
        self.report.load = load.end().await?;
        Ok(())
    }

    async fn watch(&mut self, load: &Load, began: Instant) -> Result<()> {
        while began.elapsed() < self.settings.lasts {
            sleep(self.settings.look).await;
            let permits = self.operator.permits().await.ok();
            let read = self.read()?;
            println!("{}", report::line(began.elapsed(), load.under_way(), permits, read["gateway"], &load.told()));
            for (id, reading) in read {
                self.series.get_mut(&id).with_context(|| format!("{id} is new"))?.under_load.push(reading);
            }
        }
        Ok(())
    }

    /// Waits until nothing is left behind, as long as that may take, and reports what is.
    async fn come_to_rest(&mut self) -> Result<()> {
        let began = Instant::now();
        self.keep_readings()?;
        let wrong = loop {
            let permits = self.operator.permits().await?;
            for (id, reading) in self.read()? {
                self.series.get_mut(&id).with_context(|| format!("{id} is new"))?.at_rest = reading;
            }
            let mut wrong = left_behind(&self.series, &permits);
            wrong.extend(invariants::between(&self.databases()).await?);
            if wrong.is_empty() || began.elapsed() > PEACE {
                break wrong;
            }
            sleep(LOOK).await;
        };
        self.report.rest = began.elapsed();
        self.report.left_behind = wrong;
        self.report.series = std::mem::take(&mut self.series);
        Ok(())
    }

    async fn begin(&self, part: u64) -> Result<Load> {
        Load::begin(self.suite.public_url(), self.settings.rate, self.settings.seed ^ (part << 32)).await
    }

    /// For whoever wants to see how it went, by process and moment.
    fn keep_readings(&self) -> Result<()> {
        let mut lines = "process,look,kib,handles,threads\n".to_owned();
        for (id, series) in &self.series {
            for (look, it) in series.under_load.iter().enumerate() {
                // Writing to a String does not fail.
                let _ = writeln!(lines, "{id},{look},{},{},{}", it.memory, it.handles, it.threads);
            }
        }
        let file = self.settings.directory.join("readings.csv");
        fs::write(&file, lines).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Of every process.
    fn read(&self) -> Result<BTreeMap<String, Reading>> {
        let read = self.suite.status().into_iter().map(|it| {
            let pid = it.pid.with_context(|| format!("{} has ended; its log is {}", it.id, it.log.display()))?;
            Ok((it.id, Reading::of(pid)?))
        });
        let read: BTreeMap<_, _> = read.collect::<Result<_>>()?;
        ensure!(read.contains_key("gateway"), "there is no gateway");
        Ok(read)
    }

    fn databases(&self) -> Databases {
        let services = ["auth", "store", "inventory", "accounting", "shipping", "order"];
        services.into_iter().map(|service| (service.to_owned(), self.suite.database_url(service))).collect()
    }
}
