//! The whole suite as processes on this machine, with infrastructure of its own: started in order of need, watched,
//! broken on purpose, stopped without losing a request.

mod breakable;
mod clocks;
mod environment;
mod instance;
mod lavish;
mod moments;
mod network;
mod tend;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::{directory::Temporary, nats::Nats, port::free_port, postgres::Cluster, secret::Secrets};
use breakable::Breakable;
use environment::{Environment, NAMES};
pub use instance::Status;
use instance::{Instance, Program};

/// A service drains for ten seconds at the most; then its telemetry is flushed.
const GRACE: Duration = Duration::from_secs(14);

/// Who must listen before the next ones start: everybody asks auth for keys, and `order` calls through the gateway.
const WAVES: [&[&str]; 3] = [&["auth"], &["store", "inventory", "accounting", "shipping", "gateway"], &["order"]];

/// A running suite. It stops when dropped, or when this process is gone.
pub struct Suite {
    // Fields drop in this order: the processes go before what they need.
    instances: Mutex<Vec<Instance>>,
    environment: Environment,
    programs: PathBuf,
    logs: PathBuf,
    breakable: Option<Breakable>,
    nats: Nats,
    postgres: Cluster,
    _directory: Option<Temporary>,
}

/// How a suite is started.
pub struct Settings<'a> {
    /// Where the processes' binaries are.
    pub programs: &'a Path,
    /// Where data, secrets and logs are kept.
    pub directory: &'a Path,
    /// The port of the public origin on loopback.
    pub port: u16,
    /// Whether operators may declare faults.
    pub faults: bool,
}

impl Suite {
    /// The suite with data that are kept, at `http://localhost:{port}`.
    pub async fn durable(settings: &Settings<'_>) -> Result<Self> {
        let directory = settings.directory;
        let logs = directory.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        let secrets = Secrets::kept(&directory.join("secrets.json"))?;
        let (data, streams) = (directory.join("postgres"), directory.join("nats"));
        let (postgres_log, nats_log) = (logs.join("postgres.log"), logs.join("nats.log"));
        let (postgres, nats) = tokio::try_join!(
            Cluster::durable(&data, &postgres_log, &secrets.superuser),
            Nats::durable(&streams, &nats_log),
        )?;
        let public_url = format!("http://localhost:{}", settings.port);
        let mut environment = Environment::new(secrets, public_url, settings.port, nats.url())?;
        environment.faults = settings.faults;
        Self::launch(settings.programs, logs, environment, (postgres, nats), (None, None), &NAMES).await
    }

    /// A suite for tests: empty but for the demonstration's data, on free ports, leaving nothing behind.
    pub async fn temporary(programs: &Path) -> Result<Self> {
        Self::temporary_of(programs, &NAMES).await
    }

    /// The same with these processes only.
    pub async fn temporary_of(programs: &Path, names: &[&str]) -> Result<Self> {
        let directory = Temporary::new("suite")?;
        let logs = directory.path().to_owned();
        Self::forgetful(Nats::temporary_guarded(), programs, logs, false, (None, Some(directory)), names).await
    }

    /// The same with a NATS server that lets everybody in: programs of before it asked for a password tell it none.
    pub async fn temporary_of_any_age(programs: &Path) -> Result<Self> {
        let directory = Temporary::new("suite")?;
        let logs = directory.path().to_owned();
        Self::forgetful(Nats::temporary(), programs, logs, false, (None, Some(directory)), &NAMES).await
    }

    /// A suite for tests in which operators may declare faults. Logs are kept in `logs`, nothing else is.
    pub async fn teachable(programs: &Path, logs: &Path) -> Result<Self> {
        Self::forgetful(Nats::temporary_guarded(), programs, logs.to_owned(), true, (None, None), &NAMES).await
    }

    /// A suite for tests that break the ways between its processes or set the clock of one. Logs are kept in `logs`,
    /// nothing else is.
    pub async fn breakable(programs: &Path, logs: &Path) -> Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("cannot create {}", logs.display()))?;
        Self::forgetful(
            Nats::temporary_guarded(),
            programs,
            logs.to_owned(),
            false,
            (Some(Breakable::new(logs)?), None),
            &NAMES,
        )
        .await
    }

    async fn forgetful(
        nats: impl Future<Output = Result<Nats>>,
        programs: &Path,
        logs: PathBuf,
        faults: bool,
        rest: (Option<Breakable>, Option<Temporary>),
        names: &[&str],
    ) -> Result<Self> {
        let (postgres, nats) = tokio::try_join!(Cluster::temporary(), nats)?;
        let port = free_port()?;
        let public_url = format!("http://127.0.0.1:{port}");
        let mut environment = Environment::new(Secrets::random(), public_url, port, nats.url())?;
        environment.faults = faults;
        let environment = environment.governed_by(lavish::write(&logs)?);
        Self::launch(programs, logs, environment, (postgres, nats), rest, names).await
    }

    async fn launch(
        programs: &Path,
        logs: PathBuf,
        environment: Environment,
        (postgres, nats): (Cluster, Nats),
        (breakable, directory): (Option<Breakable>, Option<Temporary>),
        names: &[&str],
    ) -> Result<Self> {
        environment.create_databases(&postgres.access()).await?;
        let instances = Mutex::default();
        let programs = programs.to_owned();
        let suite = Self { instances, environment, programs, logs, breakable, nats, postgres, _directory: directory };
        for wave in WAVES {
            let wave: Vec<&'static str> = wave.iter().copied().filter(|name| names.contains(name)).collect();
            for name in &wave {
                suite.add(name, name, suite.environment.ports(name)?)?;
            }
            suite.all_listening(&wave).await?;
        }
        suite.all_ready().await?;
        Ok(suite)
    }

    /// The one public origin.
    pub fn public_url(&self) -> &str {
        &self.environment.public_url
    }

    /// Its secrets: for tests that log in as one of its clients.
    pub fn secrets(&self) -> &Secrets {
        &self.environment.secrets
    }

    /// Its PostgreSQL.
    pub fn postgres(&self) -> &Cluster {
        &self.postgres
    }

    /// Its NATS server.
    pub fn nats(&self) -> &Nats {
        &self.nats
    }

    /// The URL of a service's own database, as its own role.
    pub fn database_url(&self, service: &str) -> String {
        self.environment.database_url(service, &self.postgres.access())
    }

    /// Every instance: id, address, log.
    pub fn status(&self) -> Vec<Status> {
        self.instances().iter_mut().map(Instance::status).collect()
    }

    /// Starts one more instance of a service. Answers its id, e.g. `inventory-2`.
    pub async fn start_instance(&self, service: &str) -> Result<String> {
        let name = NAMES.iter().find(|name| **name == service && **name != "auth");
        let name = name.with_context(|| format!("`{service}` is not a service that can run several times here"))?;
        let id = {
            let instances = self.instances();
            (2..100).map(|n| format!("{name}-{n}")).find(|id| !instances.iter().any(|it| it.id() == id))
        };
        let id = id.context("too many instances")?;
        self.add(name, &id, (free_port()?, free_port()?))?;
        self.ready(&id).await?;
        Ok(id)
    }

    /// SIGKILL. It stays dead until it is restarted.
    pub fn kill(&self, id: &str) -> Result<()> {
        self.with(id, Instance::kill)
    }

    /// SIGSTOP.
    pub fn pause(&self, id: &str) -> Result<()> {
        self.with(id, |it| it.signal(Signal::SIGSTOP))
    }

    /// SIGCONT.
    pub fn resume(&self, id: &str) -> Result<()> {
        self.with(id, |it| it.signal(Signal::SIGCONT))
    }

    /// SIGTERM, and waits until it has drained.
    pub fn terminate(&self, id: &str) -> Result<()> {
        self.with(id, |it| it.stop(GRACE))
    }

    /// Stops it if it runs, and starts it on the same ports. Answers when it is ready.
    pub async fn restart(&self, id: &str) -> Result<()> {
        self.start_again(id)?;
        self.ready(id).await
    }

    /// As [`Suite::restart`], but does not wait.
    pub fn start_again(&self, id: &str) -> Result<()> {
        self.with(id, |it| it.start(&self.told(it.program.name, id, it.ports)?))?
    }

    /// Kills it if it runs, and starts it with settings that override its own. Does not wait.
    pub fn start_with(&self, id: &str, settings: &[(&'static str, String)]) -> Result<()> {
        let access = self.postgres.access();
        self.with(id, |it| {
            it.kill();
            let mut all = self.environment.of(it.program.name, it.ports, &access);
            all.extend_from_slice(settings);
            it.start(&all)
        })?
    }

    /// Stops everything: first who asks others, then who is asked.
    pub fn stop(&self) {
        self.halt();
        self.nats.stop();
        self.postgres.stop();
    }

    fn add(&self, name: &'static str, id: &str, ports: (u16, u16)) -> Result<()> {
        let program = Program { name, file: self.programs.join(name), log: self.logs.join(format!("{id}.log")) };
        let mut instance = Instance::new(id, program, ports);
        instance.start(&self.told(name, id, ports)?)?;
        self.instances().push(instance);
        Ok(())
    }

    /// The environment variables of an instance.
    fn told(&self, name: &str, id: &str, ports: (u16, u16)) -> Result<Vec<(&'static str, String)>> {
        let mut told = self.environment.of(name, ports, &self.postgres.access());
        if let Some(breakable) = &self.breakable {
            breakable.prepare(id, ports.0, &mut told)?;
        }
        Ok(told)
    }

    fn with<T>(&self, id: &str, action: impl FnOnce(&mut Instance) -> T) -> Result<T> {
        let mut instances = self.instances();
        let found = instances.iter_mut().find(|it| it.id() == id);
        Ok(action(found.with_context(|| format!("there is no instance `{id}`"))?))
    }

    fn instances(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
