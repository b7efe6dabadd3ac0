//! Makes a cluster's files and starts its server until it accepts connections.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    process::Command,
    sync::Mutex,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use sqlx::Connection;
use tokio::time::{Instant, sleep};

use super::{Access, Cluster, FAST, IMMEDIATE};
use crate::{
    account::Account,
    directory::Temporary,
    port,
    process::{Process, read_from, tail},
    program,
    secret::write_private,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// How a server that was started came out.
enum Start {
    Accepts(Process),
    PortTaken,
    PredecessorStillThere,
}

/// Six databases of eight connections each, for four instances of every service or for as many tests at once. An unused
/// slot costs some twenty kilobytes of shared memory; refusing a connection would cost a test that fails by chance.
const MAX_CONNECTIONS: &str = "max_connections=200";

/// A test's data are gone in a minute: no flush to disk, no log for a standby. A commit still waits until its log is
/// written (`synchronous_commit` stays on), so that what was acknowledged survives a killed server.
const FORGETFUL: &[&str] =
    &["fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "shared_buffers=64MB"];

impl Cluster {
    pub(super) fn prepare(
        data: PathBuf,
        log: PathBuf,
        password: String,
        durable: bool,
        directory: Option<Temporary>,
    ) -> Result<Self> {
        let programs = program::postgres_programs().context("PostgreSQL's server programs are not on this machine")?;
        let account = Account::unprivileged()?;
        if let Some(directory) = &directory {
            account.give(directory.path())?;
        }
        let server = Mutex::new(None);
        let cluster = Self { programs, account, data, log, password, durable, server, _directory: directory };
        if !cluster.data.join("PG_VERSION").exists() {
            cluster.init()?;
        }
        Ok(cluster)
    }

    fn init(&self) -> Result<()> {
        // What an interrupted initdb left has no PG_VERSION, and initdb would refuse it.
        let _ = fs::remove_dir_all(&self.data);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.data)?;
        self.account.give(&self.data)?;
        let password_file = self.data.with_extension("password");
        let _ = fs::remove_file(&password_file);
        write_private(&password_file, &self.password)?;
        self.account.give(&password_file)?;
        let mut initdb = self.account.command(&self.programs.join("initdb"));
        initdb.arg("-D").arg(&self.data).arg("--pwfile").arg(&password_file);
        initdb.args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]);
        if !self.durable {
            initdb.arg("--no-sync");
        }
        let outcome = initdb.output();
        fs::remove_file(&password_file)?;
        let outcome = outcome.context("cannot start initdb")?;
        ensure!(outcome.status.success(), "initdb failed: {}", String::from_utf8_lossy(&outcome.stderr));
        Ok(())
    }

    pub(super) async fn start(&self) -> Result<()> {
        self.start_on(port::free_port()?).await?;
        Ok(self.access().close_to_other_roles().await?)
    }

    /// Starts on `port`, or on another if somebody took it before the cluster was ever up.
    pub(super) async fn start_on(&self, mut port: u16) -> Result<()> {
        let first = self.server().is_none();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.try_start(port, deadline).await? {
                Start::Accepts(process) => {
                    *self.server() = Some((port, process));
                    return Ok(());
                }
                Start::PortTaken if first => port = port::free_port()?,
                Start::PortTaken | Start::PredecessorStillThere => sleep(Duration::from_millis(100)).await,
            }
        }
        bail!("PostgreSQL did not start within {PATIENCE:?}:\n{}", tail(&self.log, 20))
    }

    async fn try_start(&self, port: u16, deadline: Instant) -> Result<Start> {
        let farewell = if self.durable { FAST } else { IMMEDIATE };
        let written = fs::metadata(&self.log).map_or(0, |it| it.len());
        let mut process = Process::start(&mut self.command(port), &self.log, farewell)?;
        let access = Access { port, ..self.access() };
        loop {
            if let Ok(connection) = access.connect("postgres").await {
                // With a foreign server on this port ours has ended, or the password would not fit.
                connection.close().await?;
                return Ok(Start::Accepts(process));
            }
            if process.ended().is_some() {
                break;
            }
            ensure!(Instant::now() < deadline, "PostgreSQL does not accept connections:\n{}", tail(&self.log, 20));
            sleep(Duration::from_millis(20)).await;
        }
        let said = read_from(&self.log, written).unwrap_or_default();
        match said.as_str() {
            it if it.contains("could not bind") => Ok(Start::PortTaken),
            it if it.contains("still in use") || it.contains("lock file") => Ok(Start::PredecessorStillThere),
            it => bail!("PostgreSQL ended while it was starting:\n{it}"),
        }
    }

    fn command(&self, port: u16) -> Command {
        let mut command = self.account.command(&self.programs.join("postgres"));
        command.arg("-D").arg(&self.data).args(["-p", &port.to_string()]);
        let always = ["listen_addresses=127.0.0.1", "unix_socket_directories=", MAX_CONNECTIONS];
        let forgetful = if self.durable { &[] } else { FORGETFUL };
        for setting in always.iter().chain(forgetful) {
            command.args(["-c", setting]);
        }
        command
    }
}
