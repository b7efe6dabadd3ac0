//! One running copy of a process: its ports, its log, and how often it died.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::process::{Process, read_from};

/// A process that has run this long has recovered: the next death is the first again.
const RECOVERED: Duration = Duration::from_mins(1);

/// What runs and where it says what it does.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) file: PathBuf,
    pub(super) log: PathBuf,
}

pub(super) struct Instance {
    id: String,
    pub(super) program: Program,
    pub(super) ports: (u16, u16),
    process: Option<Process>,
    // Where in the log this run begins.
    run_begins: u64,
    started: Instant,
    wanted: bool,
    deaths: u32,
}

/// An instance as others see it.
#[derive(Clone, Debug)]
pub struct Status {
    /// `inventory`, or `inventory-2`.
    pub id: String,
    /// Base URL of its API.
    pub address: String,
    /// Base URL of /healthz, /readyz and /metrics.
    pub ops: String,
    /// Where its output goes.
    pub log: PathBuf,
    /// Its process, if it runs.
    pub pid: Option<u32>,
}

impl Instance {
    pub(super) fn new(id: &str, program: Program, ports: (u16, u16)) -> Self {
        let (id, started) = (id.to_owned(), Instant::now());
        Self { id, program, ports, process: None, run_begins: 0, started, wanted: true, deaths: 0 }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Starts it; if it runs, stops it before.
    pub(super) fn start(&mut self, environment: &[(&'static str, String)]) -> Result<()> {
        self.process = None;
        self.run_begins = fs::metadata(&self.program.log).map_or(0, |it| it.len());
        let mut command = Command::new(&self.program.file);
        // A database of the developer's shell is not this process' business.
        command.env_remove("DATABASE_URL");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let process = Process::start(&mut command, &self.program.log, Signal::SIGTERM);
        self.process = Some(process.with_context(|| format!("cannot start {}", self.id))?);
        self.started = Instant::now();
        self.wanted = true;
        Ok(())
    }

    /// The line in which it said where it listens, if it did in this run.
    pub(super) fn listening(&self) -> Option<Value> {
        let said = read_from(&self.program.log, self.run_begins).ok()?;
        let lines = said.lines().filter(|line| line.starts_with('{'));
        lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["event"] == "listening")
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|it| it.ended().is_some())
    }

    /// If it died although nobody wanted that: how it ended, and how long to wait before it is started again.
    pub(super) fn died(&mut self) -> Option<(String, Duration)> {
        if !self.wanted || !self.has_ended() {
            return None;
        }
        if self.started.elapsed() > RECOVERED {
            self.deaths = 0;
        }
        let how = self.process.as_mut().and_then(Process::ended);
        let how = how.map_or_else(|| "it could not be started".to_owned(), |status| status.to_string());
        Some((how, Duration::from_millis(500) * 2_u32.pow(self.deaths.min(6)) / 2))
    }

    pub(super) fn count_death(&mut self) {
        self.deaths += 1;
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.process.iter_mut().for_each(|it| it.signal(signal));
    }

    pub(super) fn kill(&mut self) {
        self.wanted = false;
        self.process.iter_mut().for_each(Process::kill);
    }

    pub(super) fn ask_to_stop(&mut self) {
        self.wanted = false;
        self.signal(Signal::SIGTERM);
    }

    pub(super) fn stop(&mut self, bound: Duration) {
        self.wanted = false;
        self.process.iter_mut().for_each(|it| {
            it.stop(Signal::SIGTERM, bound);
        });
    }

    pub(super) fn status(&mut self) -> Status {
        let running = !self.has_ended();
        Status {
            id: self.id.clone(),
            address: format!("http://127.0.0.1:{}", self.ports.0),
            ops: format!("http://127.0.0.1:{}", self.ports.1),
            log: self.program.log.clone(),
            pid: self.process.as_ref().filter(|_| running).map(Process::id),
        }
    }
}
