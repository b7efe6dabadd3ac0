//! A NATS server of its own for a test that needs one, so that the test may break it.

use anyhow::{Context, Result};
use launch::{free_port, nats::Nats as Native, remove_container_at_end};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt,
    core::{IntoContainerPort, WaitFor},
    runners::AsyncRunner,
};

use crate::place;

const PORT: u16 = 4222;

/// A NATS server with `JetStream`. It is gone with this value.
pub struct Nats(Server);

enum Server {
    Native(Native),
    Container { running: Box<ContainerAsync<GenericImage>>, url: String },
}

/// Starts a server.
pub async fn server() -> Nats {
    place::start(in_container, async || Ok(Nats(Server::Native(Native::temporary().await?)))).await
}

async fn in_container() -> Result<Nats> {
    // A port of our choice: the engine would publish another one after a restart.
    let port = free_port()?;
    let image = GenericImage::new("nats", "2.10-alpine")
        .with_wait_for(WaitFor::message_on_stderr("Server is ready"))
        .with_mapped_port(port, PORT.tcp())
        .with_cmd(["-js", "-sd", "/data"]);
    let running = Box::new(image.start().await.context("a container of nats:2.10-alpine does not start")?);
    remove_container_at_end(running.id());
    let url = format!("nats://{}:{port}", running.get_host().await?);
    Ok(Nats(Server::Container { running, url }))
}

impl Nats {
    /// Where it is; the same after a restart.
    pub fn url(&self) -> String {
        match &self.0 {
            Server::Native(nats) => nats.url(),
            Server::Container { url, .. } => url.clone(),
        }
    }

    /// Publishes bytes to a stream as they are, as a stranger would.
    pub async fn publish(&self, subject: &str, body: impl AsRef<[u8]>) {
        let client = async_nats::connect(self.url()).await.expect("the server answers");
        // Kept until the acknowledgement: the connection ends with it.
        let jetstream = async_nats::jetstream::new(client);
        let sent = jetstream.publish(subject.to_owned(), body.as_ref().to_vec().into()).await;
        sent.expect("the server takes messages").await.expect("a stream takes the message");
    }

    /// Ends it without a chance to write anything.
    pub async fn kill(&self) {
        match &self.0 {
            Server::Native(nats) => nats.kill(),
            Server::Container { running, .. } => {
                running.stop_with_timeout(Some(0)).await.expect("a container can be killed");
            }
        }
    }

    /// Starts it again, where it was and with its streams.
    pub async fn restart(&self) {
        match &self.0 {
            Server::Native(nats) => nats.restart().await.unwrap_or_else(|error| panic!("nats-server: {error:#}")),
            Server::Container { running, .. } => {
                running.stop_with_timeout(Some(5)).await.expect("a container can be stopped");
                running.start().await.expect("a container can be started again");
            }
        }
    }

    /// Lets connections stand and answers nothing, until [`Nats::resume`].
    pub async fn pause(&self) {
        match &self.0 {
            Server::Native(nats) => nats.pause(),
            Server::Container { running, .. } => running.pause().await.expect("a container can be paused"),
        }
    }

    /// Goes on after [`Nats::pause`].
    pub async fn resume(&self) {
        match &self.0 {
            Server::Native(nats) => nats.resume(),
            Server::Container { running, .. } => running.unpause().await.expect("a container goes on"),
        }
    }
}
