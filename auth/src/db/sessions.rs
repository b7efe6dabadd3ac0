//! Browsers that have logged in.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::user,
    domain::{Hash, SESSION_LIFETIME, User},
};

/// A browser that has logged in.
pub struct Session {
    /// As whom.
    pub user: User,
    /// When the password was checked.
    pub authenticated_at: OffsetDateTime,
}

/// The session with this cookie, unless it has ended.
pub async fn find_session(db: &mut PgConnection, cookie: Hash, now: OffsetDateTime) -> Result<Option<Session>> {
    let row = sqlx::query!(
        "SELECT s.authenticated_at, u.id, u.username, u.name, u.email, u.roles
         FROM login_session s JOIN end_user u ON u.id = s.user_id
         WHERE s.token_hash = $1 AND s.expires_at > $2",
        cookie.as_bytes(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Session {
        user: user(row.id, row.username, row.name, row.email, &row.roles),
        authenticated_at: row.authenticated_at,
    }))
}

/// Opens a session, and ends the one that the browser had before, if any.
pub async fn insert_session(
    db: &mut PgConnection,
    cookie: Hash,
    before: Option<Hash>,
    user_id: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "WITH ended AS (DELETE FROM login_session WHERE token_hash = $2)
         INSERT INTO login_session (token_hash, user_id, authenticated_at, expires_at) VALUES ($1, $3, $4, $5)",
        cookie.as_bytes(),
        before.as_ref().map(Hash::as_bytes),
        user_id,
        now,
        now + SESSION_LIFETIME,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a session; whose it was, if there was one.
pub async fn delete_session(db: &mut PgConnection, cookie: Hash) -> Result<Option<Uuid>> {
    let ended =
        sqlx::query_scalar!("DELETE FROM login_session WHERE token_hash = $1 RETURNING user_id", cookie.as_bytes());
    Ok(ended.fetch_optional(db).await?)
}
