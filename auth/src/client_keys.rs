//! Keys that clients publish themselves (`jwks_uri`): fetched when they are needed, kept for a while, and asked for again at
//! a bounded rate when a client signs with one that is not known.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use crash::Point;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::outbound::Outbound;

/// Keys are asked for again after so long: one that was taken out is not good for ever.
const KEPT: Duration = Duration::from_mins(5);
/// And are not good any more after so long, if nobody answers.
const KEPT_AT_THE_MOST: Duration = Duration::from_hours(1);
/// Whoever makes up key ids has a client asked no more often than this.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// Clients whose keys are kept.
const MOST_CLIENTS: usize = 1_000;
const MOST_KEYS: usize = 20;

/// The keys of clients that publish them.
pub struct ClientKeys {
    outbound: Arc<Outbound>,
    known: std::sync::Mutex<HashMap<String, Arc<Mutex<Published>>>>,
}

#[derive(Default)]
struct Published {
    keys: Arc<[Value]>,
    fetched: Option<Instant>,
    asked: Option<Instant>,
}

impl Published {
    fn younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < age)
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.keys.iter().any(|key| key["kid"] == kid))
    }

    fn may_ask(&self) -> bool {
        self.asked.is_none_or(|at| at.elapsed() >= ASK_AT_MOST_EVERY)
    }
}

impl ClientKeys {
    /// None known yet.
    pub fn new(outbound: Arc<Outbound>) -> Self {
        Self { outbound, known: std::sync::Mutex::default() }
    }

    /// The keys at an address that a client has registered, with the one of this id if there is such a one.
    pub async fn find(&self, address: &str, kid: Option<&str>) -> Arc<[Value]> {
        let entry = self.entry(address);
        // Held while asking, so that many callers make one request.
        let mut published = entry.lock().await;
        if !(published.younger_than(KEPT) && published.knows(kid)) && published.may_ask() {
            published.asked = Some(Instant::now());
            match Point::new("fetch client keys").around(self.fetch(address)).await {
                Ok(keys) => (published.keys, published.fetched) = (keys, Some(Instant::now())),
                Err(error) => tracing::warn!(address, error = format!("{error:#}"), "a client's keys are not there"),
            }
        }
        if published.younger_than(KEPT_AT_THE_MOST) { Arc::clone(&published.keys) } else { Arc::default() }
    }

    async fn fetch(&self, address: &str) -> anyhow::Result<Arc<[Value]>> {
        let body = self.outbound.get(address).await?;
        let set: Value = serde_json::from_slice(&body)?;
        let keys = set["keys"].as_array().filter(|keys| keys.len() <= MOST_KEYS);
        Ok(keys.ok_or_else(|| anyhow::anyhow!("no set of twenty keys at the most"))?.clone().into())
    }

    fn entry(&self, address: &str) -> Arc<Mutex<Published>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_CLIENTS && !known.contains_key(address) {
            known.clear();
        }
        Arc::clone(known.entry(address.to_owned()).or_default())
    }
}
