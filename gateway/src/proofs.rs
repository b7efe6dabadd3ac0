//! DPoP (RFC 9449): a token that is bound to a key comes with a proof that was made for just this request. Which proofs
//! were used is remembered by each gateway for itself: with several, a copied proof can be used once at each of the
//! others, for the same method, address and token, while it is young. A proof is remembered only when its caller is
//! within the rates: who asks for more takes no room from others. Of what was used before it was started a gateway knows nothing: a
//! proof that may be of that time must be made again with a nonce (section 9), which clients do by themselves.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::{Method, request::Parts};
use proof::{AHEAD, Call, Fault, Nonces, Proof, Seen, Thumbprint};
use time::OffsetDateTime;

use crate::error::Refusal;

const USED: Refusal = Refusal::InvalidProof(Fault("the proof was used before"));
const SHARDS: usize = 16;
/// Proofs that are remembered. When there are more within a minute, the oldest are refused a little sooner than they
/// would be for their age.
const REMEMBERED: usize = 256 * 1024;

/// Checks proofs, and remembers them.
pub struct Proofs {
    public_url: String,
    nonces: Nonces,
    started: OffsetDateTime,
    // By key, so that whoever uses many shortens nobody's memory but that of who shares the part.
    seen: Vec<Mutex<Seen>>,
}

/// The request that a proof was made for, where parts of it are asked for on their own. It is used once for them all.
#[derive(Debug)]
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

/// A proof that is right, and not yet used: [`Proofs::take`] does that, once its caller has been let through.
#[derive(Debug)]
pub struct Unused {
    proof: Proof,
    whole: Option<Arc<Whole>>,
}

impl Proofs {
    /// For requests to this origin. Gateways that share a secret take the nonces of each other.
    pub fn new(public_url: &str, secret: &str) -> Self {
        let seen = (0..SHARDS).map(|_| Mutex::new(Seen::new(REMEMBERED / SHARDS))).collect();
        let (nonces, started) = (Nonces::of(secret), OffsetDateTime::now_utc());
        Self { public_url: public_url.to_owned(), nonces, started, seen }
    }

    /// Checks the proof of a request that carries this token, which is bound to this key.
    pub fn check(&self, request: &Parts, token: &str, key: Thumbprint) -> Result<Unused, Refusal> {
        let (proof, whole) = self.right(request, token, key).map_err(Refusal::InvalidProof)?;
        let now = OffsetDateTime::now_utc();
        if self.may_be_of_the_time_before(&proof) {
            return Err(Refusal::NonceNeeded { nonce: self.nonces.give(millis(now)) });
        }
        let is_used = || self.part(&proof).is_used(&proof, now.unix_timestamp());
        // Of a whole the first part uses it for the others.
        let first_use = whole.as_ref().and_then(|whole| whole.is_first_use.get());
        if first_use.map_or_else(is_used, |is_first| !is_first) {
            return Err(USED);
        }
        Ok(Unused { proof, whole })
    }

    /// Uses a proof, if nobody else has meanwhile.
    pub fn take(&self, Unused { proof, whole }: &Unused) -> Result<(), Refusal> {
        let is_first_use = || self.part(proof).is_first_use(proof, OffsetDateTime::now_utc().unix_timestamp());
        let is_first_use =
            whole.as_ref().map_or_else(is_first_use, |whole| *whole.is_first_use.get_or_init(is_first_use));
        if is_first_use { Ok(()) } else { Err(USED) }
    }

    fn right(&self, request: &Parts, token: &str, key: Thumbprint) -> Result<(Proof, Option<Arc<Whole>>), Fault> {
        let whole = request.extensions.get::<Arc<Whole>>().cloned();
        let own = (&request.method, request.uri.path());
        let (method, path) = whole.as_ref().map_or(own, |whole| (&whole.method, whole.path.as_str()));
        let (now, url) = (OffsetDateTime::now_utc().unix_timestamp(), format!("{}{path}", self.public_url));
        let call = Call { method: method.as_str(), url: &url, token: Some(token), now };
        let sent = proof::only_header(&request.headers)?.ok_or(Fault("the proof is missing"))?;
        let proof = proof::check(sent, &call)?;
        if proof.key != key {
            return Err(Fault("the token is bound to another key"));
        }
        Ok((proof, whole))
    }

    // Its time is the client's, whose clock may go ahead. A nonce was given out by a clock of ours.
    fn may_be_of_the_time_before(&self, proof: &Proof) -> bool {
        let nonce = || proof.nonce.as_deref().and_then(|nonce| self.nonces.given_at(nonce));
        proof.made_at <= self.started.unix_timestamp() + AHEAD && nonce().is_none_or(|at| at < millis(self.started))
    }

    fn part(&self, proof: &Proof) -> MutexGuard<'_, Seen> {
        self.seen[usize::from(proof.key.0[31]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(key: u8, nth: u64, made_at: i64) -> Unused {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&nth.to_be_bytes());
        id[31] = u8::try_from(nth % 256).unwrap();
        Unused { proof: Proof { key: Thumbprint([key; 32]), id, made_at, nonce: None }, whole: None }
    }

    #[test]
    fn whoever_uses_many_proofs_shortens_the_memory_of_no_other() {
        let (proofs, at) = (Proofs::new("https://shop.example", "secret"), OffsetDateTime::now_utc().unix_timestamp());
        for nth in 0..REMEMBERED as u64 + 1_000 {
            let _ = proofs.take(&proof(0, nth, at + i64::from(nth % 2 == 0)));
        }
        assert!(proofs.take(&proof(0, 7_000_001, at)).is_err(), "the first second is forgotten, and refused");
        assert!(proofs.take(&proof(1, 7_000_002, at)).is_ok());
    }

    #[test]
    fn of_two_who_passed_the_check_with_one_proof_one_is_let_through() {
        let (proofs, at) = (Proofs::new("https://shop.example", "secret"), OffsetDateTime::now_utc().unix_timestamp());
        assert!(proofs.take(&proof(0, 1, at)).is_ok());
        assert_eq!(proofs.take(&proof(0, 1, at)), Err(USED));
    }

    #[test]
    fn a_proof_that_may_be_of_the_time_before_the_start_needs_a_nonce_of_the_time_since() {
        let gateway = Proofs::new("https://shop.example", "secret");
        let (started, since) = (gateway.started.unix_timestamp(), millis(gateway.started));
        let needs_one = |made_at, nonce: Option<String>| {
            let Unused { proof, .. } = proof(0, 1, made_at);
            gateway.may_be_of_the_time_before(&Proof { nonce, ..proof })
        };
        assert!(
            needs_one(started - 60, None) && needs_one(started + AHEAD, None) && !needs_one(started + AHEAD + 1, None)
        );
        let of_another = Nonces::of("secret");
        assert!(!needs_one(started - 60, Some(of_another.give(since))), "of another gateway, but of this time");
        assert!(needs_one(started, Some(of_another.give(since - 1))));
        assert!(needs_one(started, Some("x".to_owned())));
        assert!(needs_one(started, Some(Nonces::of("another secret").give(since))));
    }
}
