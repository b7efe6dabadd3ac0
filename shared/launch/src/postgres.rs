//! A private PostgreSQL cluster: made, started on a free port on loopback, broken on purpose, stopped.

mod access;
mod boot;
mod cut;
mod dump;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

pub use access::Access;
pub use cut::{Cut, Snapshot};

use crate::{account::Account, directory::Temporary, process::Process, program, secret::random_text};

/// SIGINT: end the sessions, write a checkpoint, go.
const FAST: Signal = Signal::SIGINT;
/// SIGQUIT: go at once; the next start recovers from the log.
const IMMEDIATE: Signal = Signal::SIGQUIT;

/// Whether PostgreSQL's server programs are on this machine.
pub fn is_installed() -> bool {
    program::postgres_programs().is_some()
}

/// A cluster that this process owns. It stops when dropped, or when this process is gone.
pub struct Cluster {
    programs: PathBuf,
    account: Account,
    data: PathBuf,
    log: PathBuf,
    password: String,
    durable: bool,
    // Fields drop in this order: the server goes before its directory.
    server: Mutex<Option<(u16, Process)>>,
    _directory: Option<Temporary>,
}

impl Cluster {
    /// A cluster for one test binary: nothing is flushed to disk, and it leaves nothing behind.
    pub async fn temporary() -> Result<Self> {
        let directory = Temporary::new("postgres")?;
        let data = directory.path().join("data");
        let log = directory.path().join("postgres.log");
        let cluster = Self::prepare(data, log, random_text(32), false, Some(directory))?;
        cluster.start().await?;
        Ok(cluster)
    }

    /// The cluster whose data are kept in `data` (or, if PostgreSQL's user cannot get there, in a directory named
    /// after it under `/var/lib/retail-suite`), made if it is not there yet. `log` is appended to.
    pub async fn durable(data: &Path, log: &Path, password: &str) -> Result<Self> {
        let data = Account::unprivileged()?.reachable(data)?;
        let cluster = Self::prepare(data, log.to_owned(), password.to_owned(), true, None)?;
        cluster.start().await?;
        Ok(cluster)
    }

    /// Where the data of [`Cluster::durable`] with this `data` are in fact.
    pub fn place(data: &Path) -> Result<PathBuf> {
        Account::unprivileged()?.reachable(data)
    }

    /// Where it keeps its data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where it is and how to get in as superuser.
    pub fn access(&self) -> Access {
        let port = self.server().as_ref().map_or(0, |(port, _)| *port);
        Access { host: "127.0.0.1".to_owned(), port, password: self.password.clone() }
    }

    /// Stops it (`immediate`: as a crash would, without a checkpoint) and starts it on the same port.
    pub async fn restart(&self, immediate: bool) -> Result<()> {
        let port = self.halt(if immediate { IMMEDIATE } else { FAST });
        self.start_on(port.context("the cluster was stopped for good")?).await
    }

    /// SIGKILL to the postmaster; its sessions notice and go.
    pub fn kill(&self) {
        if let Some((_, process)) = &mut *self.server() {
            process.kill();
        }
    }

    /// SIGSTOP: accepts connections (the kernel does) and never answers.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT after [`Cluster::pause`].
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Fast shutdown: sessions end, everything is on disk.
    pub fn stop(&self) {
        self.halt(FAST);
        self.server().take();
    }

    /// Whether it ended by itself.
    pub fn has_ended(&self) -> bool {
        self.server().as_mut().is_some_and(|(_, it)| it.ended().is_some())
    }

    fn signal(&self, signal: Signal) {
        if let Some((_, process)) = &mut *self.server() {
            process.signal(signal);
        }
    }

    fn halt(&self, signal: Signal) -> Option<u16> {
        let mut server = self.server();
        let (port, process) = server.as_mut()?;
        process.stop(signal, Duration::from_secs(20));
        Some(*port)
    }

    fn server(&self) -> MutexGuard<'_, Option<(u16, Process)>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
