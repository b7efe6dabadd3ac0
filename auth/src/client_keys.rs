//! Keys that clients publish themselves (`jwks_uri`): fetched when they are needed, kept for a while, and asked for again at
//! a bounded rate when a client signs with one that is not known. A client that does not answer keeps nobody waiting whose
//! key is known, and few others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crash::Point;
use serde_json::Value;
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore},
    time::Instant,
};
use tracing::Instrument;

use crate::outbound::Outbound;

/// Keys are asked for again after so long: one that was taken out is not good for ever.
const KEPT: Duration = Duration::from_mins(5);
/// Meanwhile they are good, until they are so old; then who comes with one waits for the answer.
const KEPT_WHILE_ASKING: Duration = Duration::from_mins(10);
/// And are not good any more after so long, if nobody answers.
const KEPT_AT_THE_MOST: Duration = Duration::from_hours(1);
/// Whoever makes up key ids has a client asked no more often than this.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// One that has not answered is asked again after so long, then after twice as long and so on.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(4);
/// So many wait for what one client answers; more are refused at once.
const MOST_WAITING: usize = 16;
/// Clients whose keys are kept.
const MOST_CLIENTS: usize = 1_000;
const MOST_KEYS: usize = 20;

/// Where a client publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub address: String,
    /// The client itself has said so, and not an operator: then it is called only if anybody could call it.
    pub named_by_client: bool,
}

/// The keys of clients that publish them.
pub struct ClientKeys {
    outbound: Arc<Outbound>,
    // Who names an address inside learns nothing of what is kept for whom an operator has provisioned.
    known: Mutex<HashMap<Place, Arc<Published>>>,
}

struct Published {
    kept: Mutex<Kept>,
    // Held while asking, so that many callers make one request.
    asking: Arc<AsyncMutex<()>>,
    places: Semaphore,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Arc<[Value]>,
    fetched: Option<Instant>,
    asked: Option<Instant>,
    // So often in a row.
    failed: u32,
}

impl Kept {
    fn younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < age)
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.keys.iter().any(|key| key["kid"] == kid))
    }

    // While one is asked that did not answer the last time, nobody waits for it who need not.
    fn will_do(&self, kid: Option<&str>) -> bool {
        let age = if self.failed == 0 { KEPT_WHILE_ASKING } else { KEPT_AT_THE_MOST };
        self.knows(kid) && self.younger_than(age)
    }

    fn may_ask(&self) -> bool {
        self.asked.is_none_or(|at| at.elapsed() >= self.pause())
    }

    fn pause(&self) -> Duration {
        let Some(doubled) = self.failed.checked_sub(1) else { return ASK_AT_MOST_EVERY };
        PAUSE.saturating_mul(2_u32.saturating_pow(doubled)).min(LONGEST_PAUSE)
    }
}

impl Published {
    fn new() -> Self {
        Self { kept: Mutex::default(), asking: Arc::default(), places: Semaphore::new(MOST_WAITING) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // After a failure as well as after an answer it is not time to ask again: who waits, waits for one request.
    async fn wait(&self) {
        if let Ok(_place) = self.places.try_acquire() {
            drop(self.asking.lock().await);
        }
    }
}

impl ClientKeys {
    /// None known yet.
    pub fn new(outbound: Arc<Outbound>) -> Self {
        Self { outbound, known: Mutex::default() }
    }

    /// The keys that a client publishes there, with the one of this id if there is such a one.
    pub async fn find(&self, place: &Place, kid: Option<&str>) -> Arc<[Value]> {
        let published = self.entry(place);
        let kept = published.kept().clone();
        if kept.knows(kid) && kept.younger_than(KEPT) {
            return kept.keys;
        }
        self.ask(place, &published);
        if !kept.will_do(kid) {
            published.wait().await;
        }
        let kept = published.kept();
        if kept.younger_than(KEPT_AT_THE_MOST) { Arc::clone(&kept.keys) } else { Arc::default() }
    }

    // In a task of its own: it goes on when whoever has begun it is gone, and is not begun anew by the next one.
    fn ask(&self, place: &Place, published: &Arc<Published>) {
        let Ok(asking) = Arc::clone(&published.asking).try_lock_owned() else { return };
        if !published.kept().may_ask() {
            return;
        }
        let (outbound, place, published) = (Arc::clone(&self.outbound), place.clone(), Arc::clone(published));
        let asks = async move {
            let answer = Point::new("fetch client keys").around(fetch(&outbound, &place)).await;
            let mut kept = published.kept();
            kept.asked = Some(Instant::now());
            match answer {
                Ok(keys) => (kept.keys, kept.fetched, kept.failed) = (keys, kept.asked, 0),
                Err(error) => {
                    kept.failed = kept.failed.saturating_add(1);
                    tracing::warn!(
                        address = place.address,
                        error = format!("{error:#}"),
                        "a client's keys are not there"
                    );
                }
            }
            drop((kept, asking));
        };
        tokio::spawn(asks.in_current_span());
    }

    fn entry(&self, place: &Place) -> Arc<Published> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_CLIENTS && !known.contains_key(place) {
            known.clear();
        }
        Arc::clone(known.entry(place.clone()).or_insert_with(|| Arc::new(Published::new())))
    }
}

async fn fetch(outbound: &Outbound, place: &Place) -> anyhow::Result<Arc<[Value]>> {
    let body = outbound.get(&place.address, place.named_by_client).await?;
    let set: Value = serde_json::from_slice(&body)?;
    let keys = set["keys"].as_array().filter(|keys| keys.len() <= MOST_KEYS);
    Ok(keys.ok_or_else(|| anyhow::anyhow!("no set of twenty keys at the most"))?.clone().into())
}

#[cfg(test)]
mod tests;
