//! The token service's public keys (JWKS, RFC 7517), fetched when needed and kept.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{JwkSet, KeyAlgorithm},
};
use tokio::{sync::Mutex, time::Instant};

/// An unknown key id makes us ask again, but not more often than this: a flood of made-up ids costs nothing.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(3);

/// The keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the token service's keys cannot be fetched")]
pub(crate) struct Unfetched(#[source] Arc<reqwest::Error>);

type Known = HashMap<String, (Algorithm, DecodingKey)>;
type LastAsk = (Instant, Result<(), Arc<reqwest::Error>>);

pub(crate) struct Keys {
    url: String,
    http: reqwest::Client,
    known: RwLock<Arc<Known>>,
    // Held while asking, so that many callers make one request.
    last: Mutex<Option<LastAsk>>,
}

impl Keys {
    pub(crate) fn at(auth_url: &str) -> Self {
        let http =
            reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("the TLS backend is built in");
        Self { url: format!("{auth_url}/jwks"), http, known: RwLock::default(), last: Mutex::default() }
    }

    /// The key with this id; `None` if the token service has no such key.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<(Algorithm, DecodingKey)>, Unfetched> {
        if let Some(key) = self.get(id) {
            return Ok(Some(key));
        }
        let mut last = self.last.lock().await;
        if let Some(key) = self.get(id) {
            return Ok(Some(key));
        }
        if let Some((at, outcome)) = &*last
            && at.elapsed() < ASK_AT_MOST_EVERY
        {
            return outcome.clone().map(|()| None).map_err(Unfetched);
        }
        let outcome = self.fetch().await.map_err(Arc::new);
        *last = Some((Instant::now(), outcome.clone()));
        outcome.map(|()| self.get(id)).map_err(Unfetched)
    }

    fn get(&self, id: &str) -> Option<(Algorithm, DecodingKey)> {
        self.known.read().ok()?.get(id).cloned()
    }

    async fn fetch(&self) -> Result<(), reqwest::Error> {
        let set: JwkSet = self.http.get(&self.url).send().await?.error_for_status()?.json().await?;
        let usable = set.keys.iter().filter_map(|jwk| {
            let algorithm = match jwk.common.key_algorithm? {
                KeyAlgorithm::ES256 => Algorithm::ES256,
                KeyAlgorithm::EdDSA => Algorithm::EdDSA,
                _ => return None,
            };
            Some((jwk.common.key_id.clone()?, (algorithm, DecodingKey::from_jwk(jwk).ok()?)))
        });
        let usable = Arc::new(usable.collect());
        if let Ok(mut known) = self.known.write() {
            *known = usable;
        }
        Ok(())
    }
}
