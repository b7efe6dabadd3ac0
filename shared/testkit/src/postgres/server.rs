//! The server of this test binary.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use launch::{
    postgres::{Access, Cluster},
    random_text, remove_container_at_end,
};
use testcontainers::{ContainerAsync, GenericImage, ImageExt, core::IntoContainerPort, runners::AsyncRunner};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use crate::place;

const PATIENCE: Duration = Duration::from_mins(1);
const PORT: u16 = 5432;

/// Kept for the life of the test binary.
enum Server {
    Native(Cluster),
    Container { _running: Box<ContainerAsync<GenericImage>>, access: Access },
}

/// The way into the server, which is started at first use.
pub(super) async fn access() -> Access {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let start = || place::start(in_container, async || Ok(Server::Native(Cluster::temporary().await?)));
    match SERVER.get_or_init(start).await {
        Server::Native(cluster) => cluster.access(),
        Server::Container { access, .. } => access.clone(),
    }
}

async fn in_container() -> Result<Server> {
    let password = random_text(32);
    let settings = ["fsync=off", "full_page_writes=off", "max_connections=200"];
    let command = settings.iter().flat_map(|setting| ["-c", setting]);
    let image = GenericImage::new("postgres", "17")
        .with_exposed_port(PORT.tcp())
        .with_env_var("POSTGRES_PASSWORD", &password)
        .with_cmd(["postgres"].into_iter().chain(command));
    let running = Box::new(image.start().await.context("a container of postgres:17 does not start")?);
    remove_container_at_end(running.id());
    let host = running.get_host().await?.to_string();
    let access = Access { host, port: running.get_host_port_ipv4(PORT).await?, password };
    wait(&access).await?;
    access.close_to_other_roles().await?;
    Ok(Server::Container { _running: running, access })
}

/// The image starts the server twice, and says the same each time; only the second one listens to us.
async fn wait(access: &Access) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = access.connect("postgres").await {
        ensure!(Instant::now() < deadline, "PostgreSQL in its container does not answer: {error}");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
