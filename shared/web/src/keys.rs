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
/// Known keys are asked for again after so long: one that was taken out is not good for ever.
pub(crate) const KEPT: Duration = Duration::from_mins(1);
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
    kept: Duration,
    fetched: RwLock<Option<Instant>>,
}

impl Keys {
    pub(crate) fn at(auth_url: &str) -> Self {
        let http =
            reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("the TLS backend is built in");
        let url = format!("{auth_url}/jwks");
        Self { url, http, known: RwLock::default(), last: Mutex::default(), kept: KEPT, fetched: RwLock::default() }
    }

    /// The key with this id; `None` if the token service has no such key.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<(Algorithm, DecodingKey)>, Unfetched> {
        if let Some(key) = self.get(id) {
            return Ok(if self.is_fresh() { Some(key) } else { self.get_anew(id).await });
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

    // Whoever finds that it is time asks; the others, and all if nobody answers, go on with what is known.
    async fn get_anew(&self, id: &str) -> Option<(Algorithm, DecodingKey)> {
        if let Ok(mut last) = self.last.try_lock()
            && last.as_ref().is_none_or(|(at, _)| at.elapsed() >= ASK_AT_MOST_EVERY)
        {
            let outcome = self.fetch().await.map_err(Arc::new);
            *last = Some((Instant::now(), outcome));
        }
        self.get(id)
    }

    fn is_fresh(&self) -> bool {
        self.fetched.read().is_ok_and(|at| at.is_some_and(|at| at.elapsed() < self.kept))
    }

    fn get(&self, id: &str) -> Option<(Algorithm, DecodingKey)> {
        self.known.read().ok()?.get(id).cloned()
    }

    async fn fetch(&self) -> Result<(), reqwest::Error> {
        let set: JwkSet = self.http.get(&self.url).send().await?.error_for_status()?.json().await?;
        let usable = set.keys.iter().filter_map(|jwk| {
            // There are keys for others as well: what clients get may be signed with RS256. JWTs for services never are.
            if jwk.common.key_algorithm? != KeyAlgorithm::ES256 {
                return None;
            }
            Some((jwk.common.key_id.clone()?, (Algorithm::ES256, DecodingKey::from_jwk(jwk).ok()?)))
        });
        let usable = Arc::new(usable.collect());
        if let Ok(mut known) = self.known.write() {
            *known = usable;
        }
        if let Ok(mut fetched) = self.fetched.write() {
            *fetched = Some(Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, http::StatusCode, routing::get};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;

    type Served = Arc<std::sync::Mutex<Option<Value>>>;

    async fn serving(set: &Served) -> Keys {
        let set = Arc::clone(set);
        let answer = move || {
            let set = set.lock().unwrap().clone();
            std::future::ready(set.map(Json).ok_or(StatusCode::INTERNAL_SERVER_ERROR))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, Router::new().route("/jwks", get(answer))).into_future());
        Keys::at(&format!("http://{address}"))
    }

    fn set(kids: &[&str]) -> Value {
        // The example of RFC 7517, appendix A.1.
        let key = |kid: &&str| {
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid,
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
        };
        json!({"keys": kids.iter().map(key).collect::<Vec<_>>()})
    }

    async fn time_passes(keys: &mut Keys) {
        keys.kept = Duration::ZERO;
        *keys.last.lock().await = None;
    }

    #[tokio::test]
    async fn a_key_that_was_taken_out_is_not_good_for_longer_than_keys_are_kept() {
        let served = Served::default();
        let mut keys = serving(&served).await;
        *served.lock().unwrap() = Some(set(&["old", "new"]));
        assert!(keys.find("old").await.unwrap().is_some());
        *served.lock().unwrap() = Some(set(&["new"]));
        assert!(keys.find("old").await.unwrap().is_some(), "they are kept for a while");
        time_passes(&mut keys).await;
        assert!(keys.find("old").await.unwrap().is_none());
        time_passes(&mut keys).await;
        assert!(keys.find("new").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_is_known_stays_good_while_nobody_answers() {
        let served = Served::default();
        let mut keys = serving(&served).await;
        *served.lock().unwrap() = Some(set(&["one"]));
        assert!(keys.find("one").await.unwrap().is_some());
        *served.lock().unwrap() = None;
        time_passes(&mut keys).await;
        assert!(keys.find("one").await.unwrap().is_some());
        time_passes(&mut keys).await;
        assert!(keys.find("two").await.is_err());
    }
}
