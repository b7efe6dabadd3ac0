//! Where infrastructure comes from: containers when a Docker engine answers, else the machine's own programs.

use std::{env, path::PathBuf, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::OnceCell,
    time::timeout,
};

/// Where infrastructure is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Containers,
    /// An engine answers, but perhaps it has no images and cannot get any.
    ContainersIfTheyStart,
    Native,
}

/// Starts something in a container or natively, as this machine allows and `TESTKIT` says.
pub(crate) async fn start<T>(in_container: impl AsyncFn() -> Result<T>, natively: impl AsyncFn() -> Result<T>) -> T {
    static PLACE: OnceCell<Place> = OnceCell::const_new();
    let started = match PLACE.get_or_init(find).await {
        Place::Containers => in_container().await,
        Place::Native => natively().await,
        Place::ContainersIfTheyStart => match in_container().await {
            Ok(started) => Ok(started),
            Err(error) => {
                eprintln!("a Docker engine answers, but: {error:#}. This machine's own programs are used instead.");
                natively().await
            }
        },
    };
    started.unwrap_or_else(|error| panic!("no infrastructure for this test: {error:#}"))
}

/// `TESTKIT` (`containers` or `native`) decides; without it, whether an engine answers.
async fn find() -> Place {
    match env::var("TESTKIT").as_deref() {
        Ok("containers") => Place::Containers,
        Ok("native") => Place::Native,
        Ok(other) => panic!("TESTKIT is `{other}`; it can be `containers` or `native`"),
        Err(_) if engine_answers().await => Place::ContainersIfTheyStart,
        Err(_) => Place::Native,
    }
}

async fn engine_answers() -> bool {
    let answers = match env::var("DOCKER_HOST").ok() {
        Some(host) => match host.split_once("://") {
            Some(("unix", path)) => ping(UnixStream::connect(path).await).await,
            // A remote engine: the ports it publishes are on its own host, which Testcontainers knows from here too.
            Some((_, address)) => ping(TcpStream::connect(address).await).await,
            None => None,
        },
        None => match sockets().into_iter().find(|it| it.exists()) {
            Some(socket) => ping(UnixStream::connect(socket).await).await,
            None => None,
        },
    };
    answers.is_some()
}

/// The default socket, then those of rootless engines, as Testcontainers looks for them.
fn sockets() -> Vec<PathBuf> {
    let below = |name: &str, rest: &str| env::var_os(name).map(|it| PathBuf::from(it).join(rest));
    let rootless = [
        below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
        below("HOME", ".docker/run/docker.sock"),
        below("HOME", ".docker/desktop/docker.sock"),
    ];
    [Some(PathBuf::from("/var/run/docker.sock"))].into_iter().chain(rootless).flatten().collect()
}

async fn ping(connection: std::io::Result<impl AsyncReadExt + AsyncWriteExt + Unpin>) -> Option<()> {
    let mut connection = connection.ok()?;
    let exchange = async {
        connection.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").await?;
        let mut start = [0; 12];
        connection.read_exact(&mut start).await?;
        std::io::Result::Ok(start)
    };
    let start = timeout(Duration::from_secs(2), exchange).await.ok()?.ok()?;
    start.ends_with(b"200").then_some(())
}
