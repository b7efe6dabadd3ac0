//! How an instance gets into the registry: as soon as it is known where others reach it. It serves meanwhile.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use registry::{Registry, RegistryEntry};
use tokio::{net::UdpSocket, time::sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::settings::Settings;

/// Between two looks for NATS's name.
const AGAIN: Duration = Duration::from_secs(1);

/// An instance on its way into the registry, or there.
pub struct Registration {
    entry: Arc<OnceLock<RegistryEntry>>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Registration {
    /// Begins it for an instance that is bound to this address, in the background.
    pub async fn begin(
        (name, version): (&'static str, &'static str),
        bound: SocketAddr,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let registry = Registry::connect(settings.nats_url()).await?;
        let own = OwnAddress::of(bound, settings)?;
        let (entry, stop) = (Arc::new(OnceLock::new()), CancellationToken::new());
        let (known, stopped) = (Arc::clone(&entry), stop.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let Some(address) = stopped.run_until_cancelled(own.known()).await else { return };
            let registered = registry.register(registry::Registration::new(name, version, &address));
            // Nobody else sets it.
            let _ = known.set(registered.entry());
            stopped.cancelled().await;
            registered.withdraw().await;
        }));
        Ok(Self { entry, stop, task })
    }

    /// Whether it stands there, once it is known under which address.
    pub fn entry(&self) -> Arc<OnceLock<RegistryEntry>> {
        Arc::clone(&self.entry)
    }

    /// Takes it out again; waits at most a second for NATS.
    pub async fn withdraw(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

/// Where others reach an instance.
enum OwnAddress {
    Known(String),
    /// Bound to all addresses: others reach it at the one from which it reaches NATS.
    TowardsNats {
        bound: SocketAddr,
        host: String,
        port: u16,
    },
}

impl OwnAddress {
    fn of(bound: SocketAddr, settings: &Settings) -> anyhow::Result<Self> {
        if let Some(advertised) = &settings.advertise {
            return Ok(Self::Known(advertised.clone()));
        }
        if !bound.ip().is_unspecified() {
            return Ok(Self::Known(format!("http://{bound}")));
        }
        let nats: http::Uri = settings.nats_url().parse().context("NATS_URL is not a URL")?;
        let host = nats.host().context("NATS_URL has no host")?.trim_matches(['[', ']']).to_owned();
        Ok(Self::TowardsNats { bound, host, port: nats.port_u16().unwrap_or(4222) })
    }

    // The name of a server that is down may be unknown until it is back.
    async fn known(self) -> String {
        match self {
            Self::Known(address) => address,
            Self::TowardsNats { bound, host, port } => loop {
                match source(bound, (&host, port)).await {
                    Ok(own) => return format!("http://{own}"),
                    Err(error) => tracing::warn!(%error, nats = host, "cannot find own address; trying again"),
                }
                sleep(AGAIN).await;
            },
        }
    }
}

// No packet is sent.
async fn source(bound: SocketAddr, nats: (&str, u16)) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind((bound.ip(), 0)).await?;
    socket.connect(nats).await?;
    Ok(SocketAddr::new(socket.local_addr()?.ip(), bound.port()))
}
