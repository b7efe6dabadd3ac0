//! Signing keys: in the database with the private part encrypted, the same for all instances; of each algorithm its own. What
//! is signed with which is said here and nowhere else.

mod derived;
mod rotation;
mod sealed;

pub use derived::derived;
pub use rotation::{PUBLISHED_AFTER, Schedule};
pub use sealed::{generate, open};

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use database::Pool;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;
use time::OffsetDateTime;
use web::Clock;

use crate::{
    db::{self, SealedKey},
    domain::{AccessClaims, IdClaims, LogoutClaims, SigningAlgorithm},
    error::Error,
};

/// Signs JWTs, each with the newest key of its algorithm whose time has come.
pub struct Signer {
    pool: Pool,
    clock: Clock,
    encryption_key: [u8; 32],
    schedule: Schedule,
    // The one that signs last first.
    keys: RwLock<Arc<[Key]>>,
}

#[derive(Clone)]
struct Key {
    algorithm: SigningAlgorithm,
    kid: String,
    private: EncodingKey,
    signs_from: OffsetDateTime,
}

impl Signer {
    // Three ways to the first key: `open` makes the one that a start cannot do without, `tend` whatever else is missing, and
    // `attach` none.

    /// Opens the keys in the database with the encryption key; makes one for JWTs for services if there is none. One for
    /// RS256, which takes longer, is made by [`Signer::keep`].
    pub async fn open(
        pool: &Pool,
        encryption_key: &[u8; 32],
        clock: Clock,
        schedule: Schedule,
    ) -> anyhow::Result<Self> {
        let signer = Self::of(pool, encryption_key, clock, schedule);
        signer.begin().await?;
        signer.reload().await?;
        Ok(signer)
    }

    /// The same for a database that a server has set up: makes nothing.
    pub async fn attach(
        pool: &Pool,
        encryption_key: &[u8; 32],
        clock: Clock,
        schedule: Schedule,
    ) -> anyhow::Result<Self> {
        let signer = Self::of(pool, encryption_key, clock, schedule);
        signer.reload().await?;
        Ok(signer)
    }

    fn of(pool: &Pool, encryption_key: &[u8; 32], clock: Clock, schedule: Schedule) -> Self {
        Self { pool: pool.clone(), clock, encryption_key: *encryption_key, schedule, keys: RwLock::default() }
    }

    /// Signs a JWT for a service (RFC 9068, section 2.1: `typ` is `at+jwt`). Always with ES256: services take nothing else.
    pub fn access_token(&self, claims: &AccessClaims) -> Result<String, Error> {
        self.sign(SigningAlgorithm::Es256, "at+jwt", claims)
    }

    /// Signs what a client is told of a logout (OpenID Connect Back-Channel Logout, section 2.4).
    pub fn logout_token(&self, algorithm: SigningAlgorithm, claims: &LogoutClaims) -> Result<String, Error> {
        self.sign(algorithm, "logout+jwt", claims)
    }

    /// Signs an ID token.
    pub fn id_token(&self, algorithm: SigningAlgorithm, claims: &IdClaims) -> Result<String, Error> {
        self.sign(algorithm, "JWT", claims)
    }

    /// Signs what stands behind a token (RFC 9701, section 5).
    pub fn introspection(&self, algorithm: SigningAlgorithm, claims: &impl Serialize) -> Result<String, Error> {
        self.sign(algorithm, "token-introspection+jwt", claims)
    }

    fn sign(&self, algorithm: SigningAlgorithm, typ: &str, claims: &impl Serialize) -> Result<String, Error> {
        let (keys, now) = (self.known(), self.clock.now());
        let mut right = keys.iter().filter(|key| key.algorithm == algorithm);
        // Where clocks differ, none may have begun yet.
        let begun = right.clone().find(|key| key.signs_from <= now);
        let key = begun.or(right.next_back()).ok_or(Error::NoKey)?;
        let header = Header { typ: Some(typ.to_owned()), kid: Some(key.kid.clone()), ..Header::new(algorithm.into()) };
        encode(&header, claims, &key.private).map_err(Error::Sign)
    }

    async fn reload(&self) -> anyhow::Result<Vec<SealedKey>> {
        let stored = db::list_keys(&mut *self.pool.get().await?).await?;
        let known = self.known();
        let opened = stored.iter().map(|sealed| {
            if let Some(key) = known.iter().find(|key| key.kid == sealed.kid) {
                return Ok(key.clone());
            }
            let private = sealed::open(&self.encryption_key, sealed)
                .context("the signing key does not open with KEY_ENCRYPTION_KEY: it was sealed with another one")?;
            let SealedKey { algorithm, ref kid, signs_from, .. } = *sealed;
            Ok(Key { algorithm, kid: kid.clone(), private, signs_from })
        });
        let opened = opened.collect::<anyhow::Result<Arc<[Key]>>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(stored)
    }

    fn known(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}
