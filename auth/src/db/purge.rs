//! Takes out what has expired, a bounded number of rows at a time.

use database::Result;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::db::forget_security_events;

/// Rows of each kind that go in one round.
const BATCH: i64 = 1_000;
/// Used codes are kept this long, to notice a second use.
const CODES_KEPT: Duration = Duration::days(1);
/// JWTs that were used are kept so much longer than they are good for: another instance's clock may be behind.
const JWTS_KEPT: Duration = Duration::minutes(5);

/// Longer than anything about them is remembered.
const GUESSES_KEPT: Duration = Duration::days(1);

/// To be seen by operators; nothing needs them any more.
const RETIRED_KEYS_KEPT: Duration = Duration::days(30);

/// Deletes one batch of each kind; whether a batch was full, so that there may be more.
/// Rows that another instance is deleting are skipped.
pub async fn delete_expired(db: &mut PgConnection, now: OffsetDateTime) -> Result<bool> {
    let tokens = sqlx::query!(
        "DELETE FROM access_token WHERE token_hash IN (
             SELECT token_hash FROM access_token WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let refresh_tokens = sqlx::query!(
        "DELETE FROM refresh_token WHERE token_hash IN (
             SELECT token_hash FROM refresh_token WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let codes = sqlx::query!(
        "DELETE FROM authorization_code WHERE code_hash IN (
             SELECT code_hash FROM authorization_code WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - CODES_KEPT,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let sessions = sqlx::query!(
        "DELETE FROM login_session WHERE token_hash IN (
             SELECT token_hash FROM login_session WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let guesses = sqlx::query!(
        "DELETE FROM guess WHERE about IN (
             SELECT about FROM guess WHERE last_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - GUESSES_KEPT,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let presented = delete_presented(db, now).await?;
    sqlx::query!("DELETE FROM initial_access_token WHERE expires_at < $1", now).execute(&mut *db).await?;
    sqlx::query!("DELETE FROM signing_key WHERE retired_at < $1", now - RETIRED_KEYS_KEPT).execute(&mut *db).await?;
    sqlx::query!("DELETE FROM rsa_signing_key WHERE retired_at < $1", now - RETIRED_KEYS_KEPT)
        .execute(&mut *db)
        .await?;
    let grants = delete_spent_grants(db, now).await?;
    let events = forget_security_events(db, BATCH).await?.unsigned_abs();
    let rows = [tokens, refresh_tokens, codes, sessions, guesses].map(|done| done.rows_affected());
    Ok(rows.into_iter().chain(presented).chain([grants, events]).any(|rows| rows >= BATCH.unsigned_abs()))
}

// What clients present once: JWTs, pushed requests, device codes.
async fn delete_presented(db: &mut PgConnection, now: OffsetDateTime) -> Result<[u64; 3]> {
    let used = sqlx::query!(
        "DELETE FROM used_jwt WHERE jti_hash IN (
             SELECT jti_hash FROM used_jwt WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - JWTS_KEPT,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let pushed = sqlx::query!(
        "DELETE FROM pushed_request WHERE uri_hash IN (
             SELECT uri_hash FROM pushed_request WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    let devices = sqlx::query!(
        "DELETE FROM device_authorization WHERE device_code_hash IN (
             SELECT device_code_hash FROM device_authorization WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - CODES_KEPT,
        BATCH
    )
    .execute(&mut *db)
    .await?;
    Ok([used, pushed, devices].map(|done| done.rows_affected()))
}

// Nothing hangs on them any more, and nothing can come: tokens are issued under a grant only against a code or a
// refresh token of it. As long as their session goes on they say who is to be told when it ends.
async fn delete_spent_grants(db: &mut PgConnection, now: OffsetDateTime) -> Result<u64> {
    let grants = sqlx::query!(
        "DELETE FROM authorization_grant WHERE id IN (
             SELECT g.id FROM authorization_grant g
             WHERE g.created_at < $1
                 AND NOT EXISTS (SELECT FROM authorization_code c WHERE c.grant_id = g.id)
                 AND NOT EXISTS (SELECT FROM refresh_token r WHERE r.grant_id = g.id)
                 AND NOT EXISTS (SELECT FROM access_token t WHERE t.grant_id = g.id)
                 AND NOT EXISTS (SELECT FROM login_session s WHERE s.id = g.session_id)
             LIMIT $2 FOR UPDATE OF g SKIP LOCKED)",
        now - CODES_KEPT,
        BATCH
    );
    Ok(grants.execute(db).await?.rows_affected())
}
