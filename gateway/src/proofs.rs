//! DPoP (RFC 9449): a token that is bound to a key comes with a proof that was made for just this request. Which proofs
//! were used is remembered by each gateway for itself: with several, a copied proof can be used once at each of the
//! others, for the same method, address and token, while it is young.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Method, request::Parts};
use proof::{Call, Fault, Proof, Seen, Thumbprint};
use time::OffsetDateTime;

const SHARDS: usize = 16;
/// Proofs that are remembered. When there are more within a minute, the oldest are refused a little sooner than they
/// would be for their age.
const REMEMBERED: usize = 256 * 1024;

/// Checks proofs, and remembers them.
pub struct Proofs {
    public_url: String,
    seen: Vec<Mutex<Seen>>,
}

/// The request that a proof was made for, where parts of it are asked for on their own. It is used once for them all.
pub struct Whole {
    method: Method,
    path: String,
    is_first_use: OnceLock<bool>,
}

impl Whole {
    /// Of the caller's own request.
    pub fn of(head: &Parts) -> Self {
        Self { method: head.method.clone(), path: head.uri.path().to_owned(), is_first_use: OnceLock::new() }
    }
}

impl Proofs {
    /// For requests to this origin.
    pub fn new(public_url: &str) -> Self {
        let seen = (0..SHARDS).map(|_| Mutex::new(Seen::new(REMEMBERED / SHARDS))).collect();
        Self { public_url: public_url.to_owned(), seen }
    }

    /// Checks the proof of a request that carries this token, which is bound to this key.
    pub fn check(&self, request: &Parts, token: &str, key: Thumbprint) -> Result<(), Fault> {
        let whole = request.extensions.get::<Arc<Whole>>();
        let (method, path) =
            whole.map_or((&request.method, request.uri.path()), |whole| (&whole.method, whole.path.as_str()));
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let url = format!("{}{path}", self.public_url);
        let call = Call { method: method.as_str(), url: &url, token: Some(token), now };
        let sent = proof::only_header(&request.headers)?.ok_or(Fault("the proof is missing"))?;
        let proof = proof::check(sent, &call)?;
        if proof.key != key {
            return Err(Fault("the token is bound to another key"));
        }
        let is_first_use = || self.is_first_use(&proof, now);
        let is_first_use = whole.map_or_else(is_first_use, |whole| *whole.is_first_use.get_or_init(is_first_use));
        if is_first_use { Ok(()) } else { Err(Fault("the proof was used before")) }
    }

    fn is_first_use(&self, proof: &Proof, now: i64) -> bool {
        let shard = &self.seen[usize::from(proof.id[31]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner).is_first_use(proof, now)
    }
}
