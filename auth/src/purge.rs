//! Takes out what has expired, in the background.

use std::time::Duration;

use database::{Pool, within};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use web::Clock;

use crate::db;

const EVERY: Duration = Duration::from_mins(1);

/// Purges once a minute until told to stop.
pub async fn run(pool: Pool, clock: Clock, stop: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = purge(&pool, &clock, &stop).await {
            tracing::warn!(%error, "cannot purge; trying again");
        }
    }
}

async fn purge(pool: &Pool, clock: &Clock, stop: &CancellationToken) -> database::Result<()> {
    // A connection for each batch: requests get a turn in between.
    let delete = || within(async { db::delete_expired(&mut *pool.single("purge").await?, clock.now()).await });
    while delete().await? && !stop.is_cancelled() {}
    Ok(())
}
