//! Users and clients that an operator shuts out, with everything that hangs on them.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// What letting in has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetIn {
    Unknown,
    /// Was not shut out: nothing has changed.
    WasIn,
    Now,
}

impl LetIn {
    fn of(was_disabled: Option<bool>) -> Self {
        was_disabled.map_or(Self::Unknown, |was_disabled| if was_disabled { Self::Now } else { Self::WasIn })
    }
}

/// Shuts a user out; whether there is one.
pub async fn disable_user(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> Result<bool> {
    let known = sqlx::query!("UPDATE end_user SET disabled_at = $2 WHERE id = $1", user_id, now);
    Ok(known.execute(db).await?.rows_affected() == 1)
}

/// Lets a user in again who was shut out.
pub async fn enable_user(db: &mut PgConnection, user_id: Uuid) -> Result<LetIn> {
    let was_disabled = sqlx::query_scalar!(
        r#"WITH enabled AS (
             UPDATE end_user SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL RETURNING id)
         SELECT EXISTS (SELECT FROM enabled) AS "was_disabled!" FROM end_user WHERE id = $1"#,
        user_id,
    );
    Ok(LetIn::of(was_disabled.fetch_optional(db).await?))
}

/// Waits for logins and grants of a user that are under way, which hold the row by their foreign keys, so that what
/// follows in the transaction sees them. Not while they may wait for what this transaction holds.
pub async fn await_user(db: &mut PgConnection, user_id: Uuid) -> Result<()> {
    sqlx::query!("SELECT FROM end_user WHERE id = $1 FOR UPDATE", user_id).fetch_optional(db).await?;
    Ok(())
}

/// Shuts a client out; whether there is one.
pub async fn disable_client(db: &mut PgConnection, client_id: &str, now: OffsetDateTime) -> Result<bool> {
    let known = sqlx::query!("UPDATE client SET disabled_at = $2 WHERE client_id = $1", client_id, now);
    Ok(known.execute(db).await?.rows_affected() == 1)
}

/// Lets a client in again that was shut out.
pub async fn enable_client(db: &mut PgConnection, client_id: &str) -> Result<LetIn> {
    let was_disabled = sqlx::query_scalar!(
        r#"WITH enabled AS (
             UPDATE client SET disabled_at = NULL WHERE client_id = $1 AND disabled_at IS NOT NULL RETURNING client_id)
         SELECT EXISTS (SELECT FROM enabled) AS "was_disabled!" FROM client WHERE client_id = $1"#,
        client_id,
    );
    Ok(LetIn::of(was_disabled.fetch_optional(db).await?))
}

/// Takes a client out, with all that is left of it.
pub async fn delete_client(db: &mut PgConnection, client_id: &str) -> Result<()> {
    sqlx::query!("DELETE FROM client WHERE client_id = $1", client_id).execute(db).await?;
    Ok(())
}

/// All sessions of a user.
pub async fn list_session_ids(db: &mut PgConnection, user_id: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!("SELECT id FROM login_session WHERE user_id = $1", user_id).fetch_all(db).await?)
}

/// Revokes everything that was granted by a user; the hashes of the access tokens that were still alive.
pub async fn revoke_grants_of_user(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> Result<Vec<Vec<u8>>> {
    // A statement of its own: it waits for redemptions under way, and the next one sees their tokens.
    sqlx::query!(
        "WITH live AS (
             SELECT id FROM authorization_grant WHERE user_id = $1 AND revoked_at IS NULL
             ORDER BY id FOR NO KEY UPDATE)
         UPDATE authorization_grant g SET revoked_at = $2 FROM live WHERE g.id = live.id",
        user_id,
        now
    )
    .execute(&mut *db)
    .await?;
    let ended = sqlx::query_scalar!(
        "UPDATE access_token t SET revoked_at = $2 FROM authorization_grant g
         WHERE g.id = t.grant_id AND g.user_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2
         RETURNING t.token_hash",
        user_id,
        now,
    );
    Ok(ended.fetch_all(db).await?)
}

/// Revokes everything that a client was given; the hashes of the access tokens that were still alive.
pub async fn revoke_tokens_of_client(
    db: &mut PgConnection,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Vec<Vec<u8>>> {
    revoke_grants_to(db, client_id, now).await?;
    // Tokens under way hold the row by their foreign key; those of grants have been waited for.
    sqlx::query!("SELECT FROM client WHERE client_id = $1 FOR UPDATE", client_id).fetch_optional(&mut *db).await?;
    revoke_grants_to(db, client_id, now).await?;
    let ended = sqlx::query_scalar!(
        "UPDATE access_token SET revoked_at = $2
         WHERE client_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING token_hash",
        client_id,
        now,
    );
    Ok(ended.fetch_all(db).await?)
}

async fn revoke_grants_to(db: &mut PgConnection, client_id: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "WITH live AS (
             SELECT id FROM authorization_grant WHERE client_id = $1 AND revoked_at IS NULL
             ORDER BY id FOR NO KEY UPDATE)
         UPDATE authorization_grant g SET revoked_at = $2 FROM live WHERE g.id = live.id",
        client_id,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
