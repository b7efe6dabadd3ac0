//! Records clients that could not say who they are, in the background: the answer to who fails takes no longer for it.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use database::{Pool, within};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use web::Clock;

use crate::{
    domain::{self, Failed, Happened, SecurityEvent},
    events,
};

/// How soon a failure is recorded.
const LOOK: Duration = Duration::from_secs(1);

/// Clients that failed since they were recorded. Cheap to clone.
#[derive(Clone, Default)]
pub struct ClientFailures(Arc<Mutex<domain::ClientFailures>>);

impl ClientFailures {
    /// Counts one.
    pub fn note(&self, client_id: Option<String>, address: Option<IpAddr>) {
        self.counts().note(Failed::new(client_id, address));
    }

    /// Records those that are due once a second, and all that are left when it is told to stop.
    pub async fn keep_recording(self, pool: Pool, clock: Clock, stop: CancellationToken) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                _ = ticks.tick() => false,
            };
            let due = if last { self.counts().take_all() } else { self.counts().take_due(clock.now()) };
            let recorded = record(&pool, &clock, &due).await;
            match recorded {
                Err(error) if last => tracing::warn!(%error, ?due, "failures of clients are not recorded"),
                Err(error) => {
                    tracing::warn!(%error, "failures of clients are not recorded; trying again");
                    self.counts().put_back(due);
                }
                Ok(()) => {}
            }
            if last {
                return;
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, domain::ClientFailures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn record(pool: &Pool, clock: &Clock, due: &[(Failed, u64)]) -> database::Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    within(async {
        let mut tx = pool.begin().await?;
        for (failed, times) in due {
            let event = match &failed.client_id {
                Some(client_id) => SecurityEvent::of_client(Happened::ClientFailed, client_id),
                None => SecurityEvent::of(Happened::ClientFailed),
            };
            let event = event.from(failed.address).because(format!("times: {times}"));
            events::record(&mut tx, event, clock.now()).await?;
        }
        tx.commit("record client failures").await
    })
    .await
}
