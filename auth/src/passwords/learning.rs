//! Learns from time to time at which costs the passwords of users are hashed.

use std::time::Duration;

use database::{Pool, within};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{db, passwords::Passwords};

/// It reads all users, and little changes: a user's hash once after a change of the settings.
const EVERY: Duration = Duration::from_mins(5);

impl Passwords {
    /// Learns now, and every few minutes until told to stop.
    pub async fn keep_learning(self, pool: Pool, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.learn_from(&pool).await {
                tracing::warn!(%error, "cannot count the costs of hashes; going by what is known");
            }
        }
    }

    /// Learns now.
    pub async fn learn_from(&self, pool: &Pool) -> database::Result<()> {
        let hashes = within(async { db::count_hashes(&mut *pool.get().await?).await });
        self.learn(hashes.await?);
        Ok(())
    }
}
