//! An instance that says again and again where it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{Context, kv};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    HEARTBEAT, Registration,
    bucket::{self, BoxError},
};

const FAREWELL: Duration = Duration::from_secs(1);

/// A registered instance.
pub struct Registered {
    entry: RegistryEntry,
    stop: CancellationToken,
    heart: JoinHandle<()>,
}

/// Whether an instance stands in the registry. Cheap to clone.
#[derive(Clone, Default)]
pub struct RegistryEntry(Arc<AtomicBool>);

impl RegistryEntry {
    /// It was written once; from then on it is renewed, or others notice the silence.
    pub fn is_written(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Registered {
    pub(crate) fn start(jetstream: Arc<Context>, registration: Registration) -> Self {
        let stop = CancellationToken::new();
        let entry = RegistryEntry::default();
        let heart = tokio::spawn(beat(jetstream, registration, entry.clone(), stop.clone()));
        Self { entry, stop, heart }
    }

    /// Whether it stands in the registry, for readiness.
    pub fn entry(&self) -> RegistryEntry {
        self.entry.clone()
    }

    /// Takes the instance out of the registry; waits at most a second for NATS.
    pub async fn withdraw(self) {
        self.stop.cancel();
        let _ = timeout(FAREWELL, self.heart).await;
    }
}

async fn beat(jetstream: Arc<Context>, registration: Registration, entry: RegistryEntry, stop: CancellationToken) {
    let mut store = None;
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        match say(&jetstream, &mut store, &registration).await {
            Ok(()) => entry.0.store(true, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "cannot register; trying again");
                store = None;
            }
        }
    }
    if let Some(store) = store
        && let Err(error) = store.delete(registration.key()).await
    {
        tracing::warn!(%error, "cannot deregister; others will notice the silence");
    }
}

async fn say(jetstream: &Context, store: &mut Option<kv::Store>, registration: &Registration) -> Result<(), BoxError> {
    let bucket = match store {
        Some(bucket) => bucket,
        None => store.insert(bucket::open(jetstream).await?),
    };
    bucket.put(registration.key(), serde_json::to_vec(registration)?.into()).await?;
    Ok(())
}
