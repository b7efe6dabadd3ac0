//! Idempotency keys and the answers kept under them.

use std::time::Duration;

use contracts::OrderId;
use database::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// A request made with a key.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// Whose key it is.
    pub subject: String,
    /// The key.
    pub key: String,
    /// SHA-256 of what is asked for.
    pub fingerprint: Vec<u8>,
}

/// What is known under a key.
#[derive(Debug)]
pub struct Known {
    /// Of the first request.
    pub fingerprint: Vec<u8>,
    /// What the first request made.
    pub order_id: Uuid,
    /// How it was answered.
    pub status: Option<i16>,
    /// With what.
    pub body: Option<String>,
    /// Whether the answer is still being waited for.
    pub busy: bool,
}

/// Uses the key for a new order, unless it has been used in the last `kept_for`. Waits for a transaction that is
/// about to use it.
pub async fn insert_key(
    db: &mut PgConnection,
    keyed: &Keyed,
    id: OrderId,
    busy_for: Duration,
    kept_for: Duration,
) -> Result<bool> {
    let used = sqlx::query!(
        "INSERT INTO idempotency_key (subject, key, fingerprint, order_id, busy_until)
         VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
         ON CONFLICT (subject, key) DO UPDATE
         SET fingerprint = excluded.fingerprint, order_id = excluded.order_id, busy_until = excluded.busy_until,
             status = NULL, body = NULL, created_at = excluded.created_at
         WHERE idempotency_key.created_at < clock_timestamp() - make_interval(secs => $6)",
        keyed.subject,
        keyed.key,
        keyed.fingerprint,
        id.uuid(),
        busy_for.as_secs_f64(),
        kept_for.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// What is known under the caller's key.
pub async fn find_key(db: &mut PgConnection, keyed: &Keyed) -> Result<Option<Known>> {
    let known = sqlx::query_as!(
        Known,
        r#"SELECT fingerprint, order_id, status, body, (status IS NULL AND busy_until > clock_timestamp()) AS "busy!"
           FROM idempotency_key WHERE subject = $1 AND key = $2"#,
        keyed.subject,
        keyed.key,
    )
    .fetch_optional(db)
    .await?;
    Ok(known)
}

/// Keeps the answer under the key. False if one is kept already.
pub async fn answer_key(db: &mut PgConnection, keyed: &Keyed, id: OrderId, status: i16, body: &str) -> Result<bool> {
    let kept = sqlx::query!(
        "UPDATE idempotency_key SET status = $4, body = $5
         WHERE subject = $1 AND key = $2 AND order_id = $3 AND status IS NULL",
        keyed.subject,
        keyed.key,
        id.uuid(),
        status,
        body,
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Forgets the keys older than `kept_for`.
pub async fn delete_old_keys(db: &mut PgConnection, kept_for: Duration) -> Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - make_interval(secs => $1)",
        kept_for.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}
