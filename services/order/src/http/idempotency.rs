//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same request with the same key has one effect
//! and one answer. Keys belong to their caller and are kept for 24 hours.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use database::Pool;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use web::{Caller, Problem};

use crate::{
    db::idempotency_keys::{self, Keyed},
    error::Result,
};

/// How long a key is kept; published in the contract.
pub const KEPT: Duration = Duration::from_hours(24);
const HEADER: &str = "idempotency-key";
const LONGEST: usize = 255;
const CLEANING: Duration = Duration::from_hours(1);

/// The key of a request. 400 without one.
pub struct IdempotencyKey(String);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).into_iter();
        let value = values.next().ok_or_else(|| {
            let title = "An Idempotency-Key is required";
            Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_required", title).field(HEADER, "is missing")
        })?;
        let key = value.to_str().ok().map(unquoted).filter(|key| is_key(key) && values.next().is_none());
        key.map(|key| Self(key.to_owned())).ok_or_else(|| {
            let title = "The Idempotency-Key cannot be used";
            let rule = format!("must be one string of 1 to {LONGEST} visible ASCII characters");
            Problem::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", title).field(HEADER, rule)
        })
    }
}

impl IdempotencyKey {
    /// The key as this caller's, for this request.
    pub fn of(self, caller: &Caller, request: &impl Serialize) -> Result<Keyed> {
        let fingerprint = Sha256::digest(serde_json::to_vec(request)?).to_vec();
        Ok(Keyed { subject: caller.subject.clone(), key: self.0, fingerprint })
    }
}

// The draft makes it a string of RFC 8941, in quotes; many clients send it bare.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn is_key(key: &str) -> bool {
    (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Forgets old keys now and then, until told to stop.
pub async fn forget_old_keys(pool: Pool, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match forget(&pool).await {
            Ok(forgotten) => tracing::debug!(forgotten, "old idempotency keys"),
            Err(error) => tracing::warn!(%error, "cannot forget old idempotency keys"),
        }
        tokio::select! {
            () = sleep(CLEANING) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn forget(pool: &Pool) -> database::Result<u64> {
    let forget =
        async { idempotency_keys::delete_old_keys(&mut *pool.single("forget idempotency keys").await?, KEPT).await };
    database::within(forget).await
}
