//! Who is registered, followed in the background.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::jetstream::{
    Context,
    kv::{Entry, Operation, Store},
};
use futures::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    Registration, SILENCE,
    bucket::{self, BoxError},
};

const AGAIN: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(500);
/// When nothing at all is heard for so long, it is the watch that has broken off and not every instance at once. The client
/// notices that by itself only when all of them are taken for dead.
const DEAF: Duration = Duration::from_secs(3);
/// An instance may need this much longer than we do until it is connected again.
const RETURN: Duration = Duration::from_secs(4);

type Instances = HashMap<String, Arc<[Registration]>>;
type Seen = HashMap<String, (Registration, Instant)>;

/// The live instances of every service. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Directory(watch::Receiver<Arc<Instances>>);

impl Directory {
    pub(crate) fn start(jetstream: Arc<Context>) -> Self {
        let (sender, receiver) = watch::channel(Arc::default());
        tokio::spawn(async move {
            let mut seen = Seen::new();
            while !sender.is_closed() {
                if let Err(error) = follow(&jetstream, &mut seen, &sender).await {
                    tracing::warn!(%error, "cannot follow the registry; trying again");
                }
                excuse(&mut seen);
                sleep(AGAIN).await;
            }
        });
        Self(receiver)
    }

    /// The live instances of `service`, by age of their registration.
    pub fn instances(&self, service: &str) -> Arc<[Registration]> {
        self.0.borrow().get(service).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// All live instances by service.
    pub fn all(&self) -> Arc<HashMap<String, Arc<[Registration]>>> {
        self.0.borrow().clone()
    }

    /// Waits until something changes.
    pub async fn changed(&mut self) {
        // An error means that the follower is gone, which happens only when the process ends.
        let _ = self.0.changed().await;
    }
}

async fn follow(jetstream: &Context, seen: &mut Seen, sender: &watch::Sender<Arc<Instances>>) -> Result<(), BoxError> {
    let store = bucket::open(jetstream).await?;
    // With history: what stands now comes first.
    let mut entries = store.watch_with_history(">").await?;
    let (mut looks, mut heard) = (interval(LOOK), Instant::now());
    loop {
        tokio::select! {
            () = sender.closed() => return Ok(()),
            _ = looks.tick() => {
                if answers(&store).await {
                    if heard.elapsed() >= DEAF {
                        // Without history: it would count as a sign of life of those who are dead.
                        (entries, heard) = (timeout(LOOK, store.watch(">")).await??, Instant::now());
                    }
                    expire(seen, sender);
                } else {
                    // The watch has its time again as well.
                    heard = Instant::now();
                    excuse(seen);
                }
            }
            entry = entries.next() => match entry {
                Some(entry) => {
                    heard = Instant::now();
                    if take(seen, &entry?) {
                        publish(seen, sender);
                    }
                }
                None => return Ok(()),
            },
        }
    }
}

/// Takes an entry over; true if that changes who is there.
fn take(seen: &mut Seen, entry: &Entry) -> bool {
    match entry.operation {
        Operation::Put => match serde_json::from_slice::<Registration>(&entry.value) {
            Ok(registration) => {
                let before = seen.insert(entry.key.clone(), (registration, Instant::now()));
                before.is_none_or(|(before, _)| before != seen[&entry.key].0)
            }
            Err(error) => {
                tracing::warn!(%error, key = entry.key, "a registration cannot be read");
                false
            }
        },
        Operation::Delete | Operation::Purge => seen.remove(&entry.key).is_some(),
    }
}

/// Whether NATS is there: one that stands still, or that is gone without a word, is connected all the same.
async fn answers(store: &Store) -> bool {
    // Not the store's `status`: it tells what it knew when it was opened.
    timeout(LOOK, store.stream.get_info()).await.is_ok_and(|info| info.is_ok())
}

// While NATS itself is away nobody can be heard, and that is no sign of death: the last known instances stay. When it
// is back they have their time again, as they must connect anew too.
fn excuse(seen: &mut Seen) {
    let heard = Instant::now() + RETURN;
    for (_, at) in seen.values_mut() {
        *at = heard;
    }
}

fn expire(seen: &mut Seen, sender: &watch::Sender<Arc<Instances>>) {
    let before = seen.len();
    seen.retain(|_, (_, at)| at.elapsed() < SILENCE);
    if seen.len() != before {
        publish(seen, sender);
    }
}

fn publish(seen: &Seen, sender: &watch::Sender<Arc<Instances>>) {
    let mut by_name: HashMap<String, Vec<Registration>> = HashMap::new();
    for (registration, _) in seen.values() {
        by_name.entry(registration.name.clone()).or_default().push(registration.clone());
    }
    let instances = by_name.into_iter().map(|(name, mut list)| {
        list.sort_by_key(|registration| registration.instance);
        (name, list.into())
    });
    sender.send_replace(Arc::new(instances.collect()));
}
