//! Declares what is planned when it is time, and takes it back.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::{operator::Operator, plan::Planned};

/// A service that was broken may not be asked for a while; then there is no time for this fault any more.
const ATTEMPTS: usize = 6;
const AGAIN: Duration = Duration::from_millis(500);

/// What became of a fault.
pub struct Inflicted {
    pub kind: &'static str,
    pub declared: bool,
}

/// Goes on until the last is taken back.
pub async fn all(operator: &Operator, planned: Vec<Planned>, began: Instant) -> Vec<Inflicted> {
    join_all(planned.into_iter().map(|it| inflict(operator, it, began))).await
}

async fn inflict(operator: &Operator, it: Planned, began: Instant) -> Inflicted {
    sleep_until(began + it.at).await;
    let declared = attempt(async || operator.declare(it.service, &it.fault()).await).await;
    println!("{it}{}", if declared { "" } else { "; not declared" });
    if declared {
        sleep_until(began + it.at + it.lasts).await;
        // If the service cannot be asked the fault ends by itself.
        attempt(async || operator.take_back(it.service).await).await;
    }
    Inflicted { kind: it.kind(), declared }
}

async fn attempt(action: impl AsyncFn() -> anyhow::Result<()>) -> bool {
    for _ in 0..ATTEMPTS {
        if action().await.is_ok() {
            return true;
        }
        sleep(AGAIN).await;
    }
    false
}
