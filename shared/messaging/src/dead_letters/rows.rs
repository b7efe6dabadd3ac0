//! The table of dead letters.

use database::{Error, Result};
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A message that never took effect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetterSummary {
    pub id: Uuid,
    /// The reaction that failed.
    #[schema(example = "inventory-order-confirmed-v1")]
    pub consumer: String,
    /// The type of event.
    #[schema(example = "order.confirmed.v1")]
    pub subject: String,
    /// Why it was set aside.
    pub error: String,
    /// How often it had been delivered.
    pub deliveries: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub failed_at: OffsetDateTime,
    /// When it was redriven with success.
    #[serde(with = "time::serde::rfc3339::option")]
    pub redriven_at: Option<OffsetDateTime>,
    /// Who redrove it.
    pub redriven_by: Option<String>,
}

/// A message that never took effect, with its body.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    #[serde(flatten)]
    pub summary: DeadLetterSummary,
    /// The message as it came; bytes that are not UTF-8 are replaced.
    pub body: String,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// Sets a message aside. One that waits already is not set aside twice: its acknowledgement was lost, not its letter.
pub(crate) async fn insert(
    db: &mut PgConnection,
    consumer: &str,
    subject: &str,
    body: &[u8],
    error: &str,
    deliveries: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into messaging.dead_letter (id, consumer, subject, body, error, deliveries)
         select $1, $2, $3, $4, $5, $6 where not exists (
             select from messaging.dead_letter where consumer = $2 and body = $4 and redriven_at is null)",
        Uuid::now_v7(),
        consumer,
        subject,
        body,
        // PostgreSQL keeps no NUL in text.
        error.replace('\0', "\u{FFFD}"),
        i32::try_from(deliveries).unwrap_or(i32::MAX),
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    db: &mut PgConnection,
    redriven: bool,
    after: Option<Uuid>,
    rows: i64,
) -> Result<Vec<DeadLetterSummary>> {
    sqlx::query_as!(
        DeadLetterSummary,
        "select id, consumer, subject, error, deliveries, failed_at, redriven_at, redriven_by
         from messaging.dead_letter
         where (redriven_at is not null) = $1 and ($2::uuid is null or id > $2)
         order by id limit $3",
        redriven,
        after,
        rows
    )
    .fetch_all(db)
    .await
    .map_err(Error::from)
}

pub(crate) async fn find(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>> {
    let row = sqlx::query!(
        "select id, consumer, subject, body, error, deliveries, failed_at, redriven_at, redriven_by
         from messaging.dead_letter where id = $1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| DeadLetter {
        summary: DeadLetterSummary {
            id: row.id,
            consumer: row.consumer,
            subject: row.subject,
            error: row.error,
            deliveries: row.deliveries,
            failed_at: row.failed_at,
            redriven_at: row.redriven_at,
            redriven_by: row.redriven_by,
        },
        body: String::from_utf8_lossy(&row.body).into_owned(),
        bytes: row.body,
    }))
}

/// Takes a dead letter that waits for its redrive; false if another got it, or it is done.
pub(crate) async fn take_redrive(db: &mut PgConnection, id: Uuid, by: &str) -> Result<bool> {
    let taken = sqlx::query!(
        "update messaging.dead_letter set redriven_at = now(), redriven_by = $2
         where id = $1 and redriven_at is null",
        id,
        by
    )
    .execute(db)
    .await?;
    Ok(taken.rows_affected() == 1)
}
