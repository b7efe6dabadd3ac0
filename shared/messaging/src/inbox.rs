//! The inbox: what has taken effect is recorded in the transaction of the effect, so that nothing does twice.

use std::time::Duration;

use database::{Pool, Result, within};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::failures;

const FORGOTTEN_AT_ONCE: u64 = 10_000;

/// Records the event; false if it has taken effect already.
pub(crate) async fn record(db: &mut PgConnection, consumer: &str, event: Uuid) -> Result<bool> {
    let recorded = sqlx::query!(
        "insert into messaging.inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
        consumer,
        event
    )
    .execute(db)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// Forgets events older than a week, in bounded batches: streams keep theirs for three days, so none comes back but
/// dead letters, which an operator may redrive at any time. Then the effects themselves know better.
pub(crate) async fn forget_old(pool: Pool, every: Duration, stop: CancellationToken) {
    // At the start as well: a process that is restarted often forgets too.
    while !stop.is_cancelled() {
        if let Err(error) = forget_batches(&pool).await {
            tracing::warn!(%error, "cannot forget old inbox rows; trying again later");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn forget_batches(pool: &Pool) -> Result<()> {
    let forget = || within(async { forget_batch(&mut *pool.single("forget inbox").await?).await });
    while forget().await? == FORGOTTEN_AT_ONCE {}
    within(async { failures::forget_old(&mut *pool.single("forget failures").await?).await }).await
}

async fn forget_batch(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from messaging.inbox where (consumer, event_id) in (
             select consumer, event_id from messaging.inbox where received_at < now() - interval '7 days' limit $1)",
        FORGOTTEN_AT_ONCE.cast_signed(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
