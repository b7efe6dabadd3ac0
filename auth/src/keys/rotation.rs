//! Keys rotate on schedule and on command, those of each algorithm alike; every instance follows within seconds.

use std::{sync::Arc, time::Duration as StdDuration};

use database::{Tx, within};
use futures::future::try_join_all;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{self, SealedKey},
    domain::{Happened, ID_TOKEN_LIFETIME, SESSION_LIFETIME, SecurityEvent, SigningAlgorithm},
    events,
    keys::{Signer, sealed},
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

impl Schedule {
    /// From when a new key of this algorithm is to sign, if it is time to make one: the first one at once.
    fn due(self, keys: &[SealedKey], algorithm: SigningAlgorithm, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let Some(last) = of(keys, algorithm).next() else { return Some(now) };
        let publish_at = last.signs_from + self.signs_for - self.published_before;
        (publish_at <= now).then(|| now + self.published_before)
    }

    // From when one signs that is made on command.
    fn on_command(self, keys: &[SealedKey], algorithm: SigningAlgorithm, now: OffsetDateTime) -> OffsetDateTime {
        if of(keys, algorithm).next().is_some() { now + self.published_before } else { now }
    }
}

fn of(keys: &[SealedKey], algorithm: SigningAlgorithm) -> impl DoubleEndedIterator<Item = &SealedKey> {
    keys.iter().filter(move |key| key.algorithm == algorithm)
}

impl Signer {
    // Several instances that start at the same time make one key.
    pub(super) async fn begin(&self) -> anyhow::Result<()> {
        let (mut tx, now) = (self.pool.begin().await?, self.clock.now());
        db::lock_keys(&mut tx).await?;
        if of(&db::list_keys(&mut tx).await?, SigningAlgorithm::Es256).next().is_none() {
            let key = sealed::generate(&self.encryption_key, SigningAlgorithm::Es256, now)?;
            record_made(&mut tx, &key, None, now).await?;
        }
        tx.commit("make signing key").await?;
        Ok(())
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
            if let Err(error) = self.tend().await {
                tracing::warn!(error = format!("{error:#}"), "cannot tend the signing keys; trying again");
            }
        }
    }

    /// One round of [`Signer::keep`].
    pub async fn tend(&self) -> anyhow::Result<()> {
        let keys = within(self.reload()).await?;
        let now = self.clock.now();
        // Only a look, to take no lock for nothing; what is done is decided under the lock.
        let due: Vec<_> = SigningAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| self.schedule.due(&keys, *algorithm, now).is_some())
            .collect();
        let is_followed =
            |algorithm| of(&keys, algorithm).rev().nth(1).is_some_and(|next| next.signs_from + PUBLISHED_AFTER <= now);
        if due.is_empty() && !SigningAlgorithm::ALL.into_iter().any(is_followed) {
            return Ok(());
        }
        let made = self.generate(due).await?;
        within(self.exchange(made, now)).await
    }

    async fn exchange(&self, made: Vec<SealedKey>, now: OffsetDateTime) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        db::lock_keys(&mut tx).await?;
        let keys = db::list_keys(&mut tx).await?;
        for key in made {
            if let Some(signs_from) = self.schedule.due(&keys, key.algorithm, now) {
                record_made(&mut tx, &SealedKey { signs_from, ..key }, None, now).await?;
            }
        }
        for kid in db::retire_followed_keys(&mut tx, now - PUBLISHED_AFTER, now).await? {
            events::record(&mut tx, SecurityEvent::of(Happened::KeyRetired).because(kid), now).await?;
        }
        self.settle(tx).await
    }

    /// Makes a key of each algorithm that signs as soon as it has been published for long enough; which.
    pub async fn rotate(&self, by: &str) -> anyhow::Result<Vec<SealedKey>> {
        let mut made = self.generate(SigningAlgorithm::ALL.to_vec()).await?;
        let (mut tx, now) = (self.pool.begin().await?, self.clock.now());
        db::lock_keys(&mut tx).await?;
        let keys = db::list_keys(&mut tx).await?;
        for key in &mut made {
            key.signs_from = self.schedule.on_command(&keys, key.algorithm, now);
            record_made(&mut tx, key, Some(by), now).await?;
        }
        self.settle(tx).await?;
        Ok(made)
    }

    async fn settle(&self, tx: Tx) -> anyhow::Result<()> {
        tx.commit("rotate signing keys").await?;
        self.reload().await?;
        Ok(())
    }

    /// Takes a key out at once, because somebody else may have it; whether it was there. If nothing else of its algorithm
    /// signs, a new key does at once.
    pub async fn retire(&self, kid: &str, by: &str) -> anyhow::Result<bool> {
        let known = self.reload().await?;
        let Some(algorithm) = known.iter().find(|key| key.kid == kid).map(|key| key.algorithm) else {
            return Ok(false);
        };
        let successors = self.generate(vec![algorithm]).await?;
        let (mut tx, now) = (self.pool.begin().await?, self.clock.now());
        db::lock_keys(&mut tx).await?;
        if !db::retire_key(&mut tx, kid, now).await? {
            return Ok(false);
        }
        let retired = SecurityEvent::of(Happened::KeyRetired).because(kid).by(by);
        events::record(&mut tx, retired, now).await?;
        let left = db::list_keys(&mut tx).await?;
        if !of(&left, algorithm).any(|key| key.signs_from <= now) {
            for key in successors {
                record_made(&mut tx, &SealedKey { signs_from: now, ..key }, Some(by), now).await?;
            }
        }
        tx.commit("retire signing key").await?;
        self.reload().await?;
        Ok(true)
    }

    // Before any transaction and beside all else that goes on here: RSA takes its time.
    async fn generate(&self, algorithms: Vec<SigningAlgorithm>) -> anyhow::Result<Vec<SealedKey>> {
        let (encryption_key, now) = (self.encryption_key, self.clock.now());
        let keys = algorithms.into_iter().map(|algorithm| async move {
            spawn_blocking(move || sealed::generate(&encryption_key, algorithm, now)).await?
        });
        try_join_all(keys).await
    }
}

async fn record_made(
    db: &mut PgConnection,
    key: &SealedKey,
    by: Option<&str>,
    now: OffsetDateTime,
) -> database::Result<()> {
    db::insert_key(db, key, now).await?;
    let made = SecurityEvent { by: by.map(str::to_owned), ..SecurityEvent::of(Happened::KeyMade).because(&key.kid) };
    events::record(db, made, now).await
}
