//! A private NATS server with `JetStream`: started on a free port on loopback, broken on purpose, stopped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    directory::Temporary,
    port,
    process::{Process, tail},
    program,
    secret::{random_text, write_private},
};

const PATIENCE: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(10);
/// Who is let in.
const NAME: &str = "suite";

/// Whether nats-server is on this machine.
pub fn is_installed() -> bool {
    find().is_some()
}

fn find() -> Option<PathBuf> {
    program::find("nats-server", &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"])
}

/// A server that this process owns. It stops when dropped, or when this process is gone.
pub struct Nats {
    port: u16,
    store: PathBuf,
    log: PathBuf,
    farewell: Signal,
    // None: it lets everybody in.
    password: Option<String>,
    // Fields drop in this order: the server goes before its directory.
    server: Mutex<Option<Process>>,
    _directory: Option<Temporary>,
}

impl Nats {
    /// A server for one test, which lets everybody in. It leaves nothing behind.
    pub async fn temporary() -> Result<Self> {
        Self::brief(None).await
    }

    /// The same, which lets in only who knows its URL.
    pub async fn temporary_guarded() -> Result<Self> {
        Self::brief(Some(random_text(32))).await
    }

    /// The server whose streams are kept in `store`. `log` is appended to. It lets in only who knows its URL, which is
    /// another one each time.
    pub async fn durable(store: &Path, log: &Path) -> Result<Self> {
        let place = (store.to_owned(), log.to_owned());
        Self::begin(place, Signal::SIGTERM, Some(random_text(32)), None).await
    }

    async fn brief(password: Option<String>) -> Result<Self> {
        let directory = Temporary::new("nats")?;
        let place = (directory.path().join("store"), directory.path().join("nats.log"));
        // Its data go with it, so there is nothing to end well.
        Self::begin(place, Signal::SIGKILL, password, Some(directory)).await
    }

    async fn begin(
        (store, log): (PathBuf, PathBuf),
        farewell: Signal,
        password: Option<String>,
        directory: Option<Temporary>,
    ) -> Result<Self> {
        let server = Mutex::new(None);
        let mut nats = Self { port: port::free_port()?, store, log, farewell, password, server, _directory: directory };
        for _ in 0..5 {
            match nats.start().await {
                Err(_) if !port::is_free(nats.port) => nats.port = port::free_port()?,
                outcome => return outcome.map(|()| nats),
            }
        }
        bail!("no port stayed free long enough for nats-server")
    }

    /// `nats://suite:password@127.0.0.1:port`, without what lets in if everybody is let in.
    pub fn url(&self) -> String {
        let login = self.password.as_ref().map(|password| format!("{NAME}:{password}@"));
        format!("nats://{}{}", login.unwrap_or_default(), self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.server().iter_mut().for_each(Process::kill);
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server().iter_mut().for_each(|it| it.signal(Signal::SIGSTOP));
    }

    /// SIGCONT after [`Nats::pause`].
    pub fn resume(&self) {
        self.server().iter_mut().for_each(|it| it.signal(Signal::SIGCONT));
    }

    /// Starts it again on the same port with the same streams; stops it before if it still runs.
    pub async fn restart(&self) -> Result<()> {
        self.stop();
        self.start().await
    }

    /// Shuts it down.
    pub fn stop(&self) {
        if let Some(mut process) = self.server().take() {
            process.stop(Signal::SIGTERM, GRACE);
        }
    }

    /// Stops it and forgets its streams, with all that consumers had acknowledged: as it was when it was new.
    pub fn forget(&self) -> Result<()> {
        self.stop();
        if self.store.exists() {
            fs::remove_dir_all(&self.store).with_context(|| format!("cannot empty {}", self.store.display()))?;
        }
        Ok(())
    }

    /// Whether it ended by itself.
    pub fn has_ended(&self) -> bool {
        self.server().as_mut().is_some_and(|it| it.ended().is_some())
    }

    async fn start(&self) -> Result<()> {
        let mut command = Command::new(find().context("nats-server is not on this machine")?);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]).arg(&self.store);
        if let Some(password) = &self.password {
            // Not an argument: everybody on this machine can read those.
            let file = self.store.with_extension("conf");
            if file.exists() {
                fs::remove_file(&file).with_context(|| format!("cannot replace {}", file.display()))?;
            }
            write_private(&file, &format!("authorization {{ user: {NAME}, password: \"{password}\" }}\n"))?;
            command.arg("-c").arg(&file);
        }
        let mut process = Process::start(&mut command, &self.log, self.farewell)?;
        let deadline = Instant::now() + PATIENCE;
        while !speaks_jetstream(self.port).await {
            ensure!(process.ended().is_none(), "nats-server ended while it was starting:\n{}", tail(&self.log, 20));
            ensure!(Instant::now() < deadline, "nats-server is not ready:\n{}", tail(&self.log, 20));
            sleep(Duration::from_millis(10)).await;
        }
        // Somebody else's server on this port would have been mistaken for ours.
        ensure!(process.ended().is_none(), "nats-server ended while it was starting:\n{}", tail(&self.log, 20));
        *self.server() = Some(process);
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<Process>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server greets each connection with a line of INFO, which names `JetStream` once that has loaded its streams.
async fn speaks_jetstream(port: u16) -> bool {
    let greeting = async {
        let mut line = String::new();
        let connection = TcpStream::connect(("127.0.0.1", port)).await?;
        BufReader::new(connection).read_line(&mut line).await?;
        std::io::Result::Ok(line)
    };
    let line = timeout(Duration::from_secs(1), greeting).await;
    line.is_ok_and(|line| line.is_ok_and(|line| line.contains("\"jetstream\":true")))
}
