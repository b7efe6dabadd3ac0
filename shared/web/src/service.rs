//! The life of a service: listen, register, serve, and on SIGTERM stop without losing a request.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use registry::RegistryEntry;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    health,
    health::Readiness,
    registration::Registration,
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
        let registration = Registration::begin((self.name, self.version), self.address, &self.settings).await?;
        let entry = registration.entry();
        let is_written = move || entry.get().is_some_and(RegistryEntry::is_written);
        self.readiness.add("registered", move || std::future::ready(is_written()));
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
        registration.withdraw().await;
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;

    use super::*;

    #[tokio::test]
    async fn it_serves_while_nobody_can_tell_where_nats_is() {
        let settings = Settings::on_loopback("http://localhost", "http://localhost/auth", "nats://nats.invalid:4222");
        let mut service = Service::start("probe", "1.2.3", &settings).await.unwrap();
        let handle = service.handle().unwrap();
        // As if bound to all addresses, of which the way to NATS says which one others reach.
        service.address.set_ip(Ipv4Addr::UNSPECIFIED.into());
        let serving = tokio::spawn(service.serve(Router::new()));
        let answer = reqwest::get(format!("{}/readyz", handle.ops)).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.text().await.unwrap(), r#"{"registered":false,"serving":true}"#);
        assert_eq!(reqwest::get(&handle.address).await.unwrap().status(), 404);
        handle.stop();
        timeout(Duration::from_secs(5), serving).await.unwrap().unwrap().unwrap();
    }
}
