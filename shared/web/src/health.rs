//! `/healthz` (the process runs), `/readyz` (it can do its job) and `/metrics`, on an address of their own.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use futures::future::join_all;
use http::StatusCode;
use tokio::time::timeout;

use crate::telemetry;

const PATIENCE: Duration = Duration::from_millis(500);

type Check = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What must answer for the instance to be ready.
#[derive(Default)]
pub(crate) struct Readiness {
    checks: Vec<(&'static str, Check)>,
    stopping: AtomicBool,
}

impl Readiness {
    pub(crate) fn add<F, R>(&mut self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        self.checks.push((name, Box::new(move || Box::pin(check()))));
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    async fn report(&self) -> (bool, BTreeMap<&'static str, bool>) {
        let answers = self
            .checks
            .iter()
            .map(|(name, check)| async move { (*name, timeout(PATIENCE, check()).await.unwrap_or(false)) });
        let mut report: BTreeMap<_, _> = join_all(answers).await.into_iter().collect();
        report.insert("serving", !self.stopping.load(Ordering::Relaxed));
        (report.values().all(|fine| *fine), report)
    }
}

pub(crate) fn router(readiness: Arc<Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(|| async { telemetry::metrics().render() }))
        .with_state(readiness)
}

async fn readyz(State(readiness): State<Arc<Readiness>>) -> (StatusCode, axum::Json<BTreeMap<&'static str, bool>>) {
    let (ready, report) = readiness.report().await;
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, axum::Json(report))
}
