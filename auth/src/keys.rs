//! Signing keys: ES256, in the database with the private part encrypted, the same for all instances. They rotate on
//! schedule and on command; every instance follows within seconds.

mod derived;
mod sealed;

pub use derived::derived;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration as StdDuration,
};

use anyhow::Context;
use database::{Pool, Tx, within};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use web::Clock;

use crate::{
    db::{self, SealedKey},
    domain::{AccessClaims, Happened, ID_TOKEN_LIFETIME, IdClaims, LogoutClaims, SESSION_LIFETIME, SecurityEvent},
    error::Error,
    events,
};

/// How soon an instance follows what another one did.
const FOLLOW_EVERY: StdDuration = StdDuration::from_secs(5);
/// How long a key stays published after another one has followed it. Nothing that it signed is valid for so long; but an
/// ID token may come back as a hint as long as its session goes on.
pub const PUBLISHED_AFTER: Duration = SESSION_LIFETIME.saturating_add(ID_TOKEN_LIFETIME);

/// When keys come.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long a key signs.
    pub signs_for: Duration,
    /// How long it is published before that, so that nobody meets a key that is not known.
    pub published_before: Duration,
}

/// Signs JWTs with the newest key whose time has come.
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
    kid: String,
    private: EncodingKey,
    signs_from: OffsetDateTime,
}

impl Signer {
    /// Opens the keys in the database with the encryption key; makes one if there is none.
    pub async fn open(
        pool: &Pool,
        encryption_key: &[u8; 32],
        clock: Clock,
        schedule: Schedule,
    ) -> anyhow::Result<Self> {
        let (pool, encryption_key) = (pool.clone(), *encryption_key);
        let signer = Self { pool, clock, encryption_key, schedule, keys: RwLock::default() };
        let mut tx = signer.pool.begin().await?;
        // Several instances that start at the same time make one key.
        db::lock_keys(&mut tx).await?;
        if db::list_keys(&mut tx).await?.is_empty() {
            signer.make(&mut tx, signer.clock.now()).await?;
        }
        tx.commit("make signing key").await?;
        signer.reload().await?;
        Ok(signer)
    }

    /// Signs a JWT for a service (RFC 9068, section 2.1: `typ` is `at+jwt`).
    pub fn access_token(&self, claims: &AccessClaims) -> Result<String, Error> {
        self.sign("at+jwt", claims)
    }

    /// Signs what a client is told of a logout (OpenID Connect Back-Channel Logout, section 2.4).
    pub fn logout_token(&self, claims: &LogoutClaims) -> Result<String, Error> {
        self.sign("logout+jwt", claims)
    }

    /// Signs an ID token.
    pub fn id_token(&self, claims: &IdClaims) -> Result<String, Error> {
        self.sign("JWT", claims)
    }

    /// Signs what stands behind a token (RFC 9701, section 5).
    pub fn introspection(&self, claims: &impl Serialize) -> Result<String, Error> {
        self.sign("token-introspection+jwt", claims)
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, Error> {
        let (keys, now) = (self.known(), self.clock.now());
        // Where clocks differ, none may have begun yet.
        let key = keys.iter().find(|key| key.signs_from <= now).or(keys.last()).ok_or(Error::Busy)?;
        let header = Header { typ: Some(typ.to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &key.private).map_err(Error::Sign)
    }

    /// Follows what other instances do, and makes and retires keys when it is time, until told to stop.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(FOLLOW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = within(self.tend()).await {
                tracing::warn!(error = format!("{error:#}"), "cannot tend the signing keys; trying again");
            }
        }
    }

    /// One round of [`Signer::keep`].
    pub async fn tend(&self) -> anyhow::Result<()> {
        let keys = self.reload().await?;
        let now = self.clock.now();
        // Only a look, to take no lock for nothing; what is done is decided under the lock.
        let is_due = |keys: &[SealedKey]| {
            keys.first()
                .is_some_and(|last| last.signs_from + self.schedule.signs_for - self.schedule.published_before <= now)
        };
        let is_followed = keys.iter().rev().nth(1).is_some_and(|next| next.signs_from + PUBLISHED_AFTER <= now);
        if !is_due(&keys) && !is_followed {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        db::lock_keys(&mut tx).await?;
        let keys = db::list_keys(&mut tx).await?;
        if is_due(&keys) {
            self.make(&mut tx, now + self.schedule.published_before).await?;
        }
        for kid in db::retire_followed_keys(&mut tx, now - PUBLISHED_AFTER, now).await? {
            events::record(&mut tx, SecurityEvent::of(Happened::KeyRetired).because(kid), now).await?;
        }
        self.settle(tx).await
    }

    /// Makes a key that signs as soon as it has been published for long enough; which.
    pub async fn rotate(&self, by: &str) -> anyhow::Result<SealedKey> {
        let mut tx = self.pool.begin().await?;
        db::lock_keys(&mut tx).await?;
        let key = self.make_by(&mut tx, self.clock.now() + self.schedule.published_before, Some(by)).await?;
        self.settle(tx).await?;
        Ok(key)
    }

    async fn settle(&self, tx: Tx) -> anyhow::Result<()> {
        tx.commit("rotate signing keys").await?;
        self.reload().await?;
        Ok(())
    }

    /// Takes a key out at once, because somebody else may have it; whether it was there. If nothing else signs, a new key
    /// does at once.
    pub async fn retire(&self, kid: &str, by: &str) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        db::lock_keys(&mut tx).await?;
        if !db::retire_key(&mut tx, kid, now).await? {
            return Ok(false);
        }
        let retired = SecurityEvent::of(Happened::KeyRetired).because(kid).by(by);
        events::record(&mut tx, retired, now).await?;
        if !db::list_keys(&mut tx).await?.iter().any(|key| key.signs_from <= now) {
            self.make_by(&mut tx, now, Some(by)).await?;
        }
        tx.commit("retire signing key").await?;
        self.reload().await?;
        Ok(true)
    }

    async fn make(&self, db: &mut PgConnection, signs_from: OffsetDateTime) -> anyhow::Result<SealedKey> {
        self.make_by(db, signs_from, None).await
    }

    async fn make_by(
        &self,
        db: &mut PgConnection,
        signs_from: OffsetDateTime,
        by: Option<&str>,
    ) -> anyhow::Result<SealedKey> {
        let (key, now) = (sealed::generate(&self.encryption_key, signs_from)?, self.clock.now());
        db::insert_key(db, &key, now).await?;
        let made =
            SecurityEvent { by: by.map(str::to_owned), ..SecurityEvent::of(Happened::KeyMade).because(&key.kid) };
        events::record(db, made, now).await?;
        Ok(key)
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
            let private = EncodingKey::from_ec_der(&private);
            Ok(Key { kid: sealed.kid.clone(), private, signs_from: sealed.signs_from })
        });
        let opened = opened.collect::<anyhow::Result<Arc<[Key]>>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(stored)
    }

    fn known(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}
