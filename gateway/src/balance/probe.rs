//! Asks an ejected instance something harmless when it was left alone for long enough, so that no caller finds out whether
//! it is well again. What it cannot know, how it answers callers, the first few of them show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use futures::future::join_all;
use http::{Request, header};
use tokio::time::{sleep, timeout};

use super::Instance;
use crate::discovery::Discovery;
use crate::policies::Shared;
use crate::pool;

const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);
/// Every service has it, for everybody.
const HARMLESS: &str = "/openapi.json";

/// Looks again and again whom to probe. Never ends.
pub async fn probe(discovery: Discovery, policies: Shared) {
    loop {
        sleep(LOOK).await;
        let now = Instant::now();
        let all = discovery.all();
        let due = all.values().flat_map(|instances| instances.iter()).filter(|instance| instance.is_due(now));
        join_all(due.map(async |instance| {
            let well = is_well(instance).await;
            metrics::counter!("gateway_probes_total", "outcome" => if well { "well" } else { "failed" }).increment(1);
            instance.probed(&policies.load().ejection, well, Instant::now());
        }))
        .await;
    }
}

// That it does not have the page is an answer too.
async fn is_well(instance: &Arc<Instance>) -> bool {
    let request = Request::head(HARMLESS).header(header::HOST, &instance.host);
    let Ok(request) = request.body(Body::empty()) else { return false };
    let answer = timeout(PATIENCE, pool::ask_apart(instance, request)).await;
    matches!(answer, Ok(Ok(status)) if !status.is_server_error())
}
