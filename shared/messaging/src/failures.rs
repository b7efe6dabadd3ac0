//! Effects that failed, counted where every instance sees it. An event is set aside after so many attempts, not after
//! so many deliveries: a message may be delivered and handed back untried any number of times.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// How an event has failed so far.
pub(crate) struct Failure {
    pub attempts: i32,
    pub first_failed_at: OffsetDateTime,
}

/// Adds attempts that failed.
pub(crate) async fn add(db: &mut PgConnection, consumer: &str, event: Uuid, attempts: i32) -> Result<Failure> {
    let failure = sqlx::query_as!(
        Failure,
        "insert into messaging.failure as so_far (consumer, event_id, attempts) values ($1, $2, $3)
         on conflict (consumer, event_id)
             do update set attempts = so_far.attempts + excluded.attempts, last_failed_at = now()
         returning attempts, first_failed_at",
        consumer,
        event,
        attempts,
    )
    .fetch_one(db)
    .await?;
    Ok(failure)
}

/// Forgets the failures of an event that took effect, or was set aside.
pub(crate) async fn forget(db: &mut PgConnection, consumer: &str, event: Uuid) -> Result<()> {
    sqlx::query!("delete from messaging.failure where consumer = $1 and event_id = $2", consumer, event)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets failures that are older than the streams' memory.
pub(crate) async fn forget_old(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("delete from messaging.failure where last_failed_at < now() - interval '7 days'").execute(db).await?;
    Ok(())
}
