//! The life of a service: listen, register, serve, and on SIGTERM stop without losing a request.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use registry::{Registration, Registry};
use tokio::{
    net::{TcpListener, UdpSocket},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    health,
    health::Readiness,
    server::{Door, Server, listen},
    settings::Settings,
    telemetry,
};

/// Between deregistering and closing the door: time for gateways to look elsewhere.
const FAREWELL: Duration = Duration::from_millis(300);
const LAST_TASKS: Duration = Duration::from_secs(1);
const LAST_SPANS: Duration = Duration::from_secs(1);

/// A service that listens but does not serve yet.
pub struct Service {
    name: &'static str,
    version: &'static str,
    settings: Settings,
    api: Vec<TcpListener>,
    address: SocketAddr,
    ops: TcpListener,
    readiness: Readiness,
    stop: CancellationToken,
    drained: CancellationToken,
    tasks: TaskTracker,
    spans: SdkTracerProvider,
}

/// Where a service listens, and how to stop it.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Base URL of the API.
    pub address: String,
    /// Base URL of /healthz, /readyz and /metrics.
    pub ops: String,
    stop: CancellationToken,
}

impl Handle {
    /// Asks the service to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Service {
    /// Sets up telemetry and binds both addresses.
    pub async fn start(name: &'static str, version: &'static str, settings: &Settings) -> anyhow::Result<Self> {
        Self::begin((name, version), 1, settings, telemetry::Traces::Always).await
    }

    /// The same for a server that passes requests on, and accepts on several threads, each with a listener of its own
    /// (`SO_REUSEPORT`). Where the system cannot share a port there is one. Spans of its own are made only where they
    /// are exported; else it passes on the trace context that comes with a request.
    pub async fn start_with_listeners(
        count: usize,
        name: &'static str,
        version: &'static str,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        Self::begin((name, version), count, settings, telemetry::Traces::Exported).await
    }

    async fn begin(
        (name, version): (&'static str, &'static str),
        count: usize,
        settings: &Settings,
        traces: telemetry::Traces,
    ) -> anyhow::Result<Self> {
        #[cfg(debug_assertions)]
        settings.crash_at.clone().into_iter().for_each(crash::arm);
        let spans = telemetry::start(name, settings, traces)?;
        telemetry::metrics();
        let cannot = |address: SocketAddr| move || format!("cannot listen on {address}");
        let api = listen(settings.bind, count).await.with_context(cannot(settings.bind))?;
        Ok(Self {
            name,
            version,
            address: api[0].local_addr()?,
            api,
            ops: TcpListener::bind(settings.ops_bind).await.with_context(cannot(settings.ops_bind))?,
            settings: settings.clone(),
            readiness: Readiness::default(),
            stop: CancellationToken::new(),
            drained: CancellationToken::new(),
            tasks: TaskTracker::new(),
            spans,
        })
    }

    /// Adds a check to `/readyz`. It must answer within 500 ms.
    pub fn ready_when<F, R>(&mut self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        self.readiness.add(name, check);
    }

    /// Runs a task beside the requests. It must end soon after [`Service::stopping`] or [`Service::drained`] is
    /// cancelled.
    pub fn spawn<R>(&self, task: R)
    where
        R: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Cancelled when the service stops: background tasks end, streams close.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancelled when the last request has been answered: what requests leave to background tasks is done until then.
    pub fn drained(&self) -> CancellationToken {
        self.drained.clone()
    }

    /// Where the service listens, and how to stop it.
    pub fn handle(&self) -> anyhow::Result<Handle> {
        Ok(Handle {
            address: format!("http://{}", self.address),
            ops: format!("http://{}", self.ops.local_addr()?),
            stop: self.stop.clone(),
        })
    }

    /// Serves until SIGTERM or Ctrl-C, as a process. Says on standard output where it listens.
    pub async fn run(self, server: impl Server) -> anyhow::Result<()> {
        let handle = self.handle()?;
        let line = serde_json::json!({
            "event": "listening", "service": self.name, "address": handle.address, "ops": handle.ops,
        });
        println!("{line}");
        tokio::spawn(async move {
            match signal().await {
                Ok(()) => handle.stop(),
                Err(error) => tracing::error!(%error, "cannot wait for signals"),
            }
        });
        self.serve(server).await
    }

    /// Serves until told to stop. Then: not ready, deregistered, no new connection, requests in flight within the
    /// deadline, background tasks, last spans.
    pub async fn serve(mut self, server: impl Server) -> anyhow::Result<()> {
        let registered = self.register().await?;
        let entry = registered.entry();
        self.readiness.add("registered", move || std::future::ready(entry.is_written()));
        let readiness = Arc::new(self.readiness);
        let closed = CancellationToken::new();
        let ops = axum::serve(self.ops, health::router(readiness.clone()));
        let ops = tokio::spawn(ops.with_graceful_shutdown(closed.clone().cancelled_owned()).into_future());
        let adding_up = tokio::spawn(telemetry::add_up());
        let door = CancellationToken::new();
        let mut api = tokio::spawn(server.serve(Door { listeners: self.api, closing: door.clone() }));
        tokio::select! {
            () = self.stop.cancelled() => {}
            ended = &mut api => ended??,
        }
        tracing::info!(service = self.name, "stopping");
        readiness.stop();
        registered.withdraw().await;
        sleep(FAREWELL).await;
        door.cancel();
        let deadline = Instant::now() + self.settings.shutdown_deadline();
        if !api.is_finished() && timeout_at(deadline, &mut api).await.is_err() {
            tracing::warn!("requests in flight were cut off at the deadline");
            api.abort();
        }
        self.drained.cancel();
        self.tasks.close();
        // What is still under way goes on to the same deadline, but has a moment in any case.
        let deadline = deadline.max(Instant::now() + LAST_TASKS);
        if timeout_at(deadline, self.tasks.wait()).await.is_err() {
            tracing::warn!("background tasks were cut off at the deadline");
        }
        closed.cancel();
        ops.abort();
        adding_up.abort();
        let spans = self.spans;
        let flushed = tokio::task::spawn_blocking(move || spans.shutdown_with_timeout(LAST_SPANS));
        let _ = timeout(LAST_SPANS, flushed).await;
        Ok(())
    }

    async fn register(&self) -> anyhow::Result<registry::Registered> {
        let address = match &self.settings.advertise {
            Some(address) => address.clone(),
            None => own_address(self.address, self.settings.nats_url()).await?,
        };
        let registration = Registration::new(self.name, self.version, &address);
        Ok(Registry::connect(self.settings.nats_url()).await?.register(registration))
    }
}

// Bound to all addresses: others reach us at the one from which we reach NATS. No packet is sent.
async fn own_address(bound: SocketAddr, nats_url: &str) -> anyhow::Result<String> {
    if !bound.ip().is_unspecified() {
        return Ok(format!("http://{bound}"));
    }
    let nats: http::Uri = nats_url.parse().context("NATS_URL is not a URL")?;
    let host = nats.host().context("NATS_URL has no host")?.to_owned();
    let socket = UdpSocket::bind((bound.ip(), 0)).await?;
    socket.connect((host.as_str(), nats.port_u16().unwrap_or(4222))).await.context("cannot find own address")?;
    Ok(format!("http://{}", SocketAddr::new(socket.local_addr()?.ip(), bound.port())))
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
