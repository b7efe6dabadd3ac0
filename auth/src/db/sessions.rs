//! Browsers that have logged in.

use std::net::IpAddr;

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
    /// The `sid`: may be told, and opens nothing.
    pub id: Uuid,
    /// As whom.
    pub user: User,
    /// When the password was checked.
    pub authenticated_at: OffsetDateTime,
}

/// A login that succeeded.
pub struct NewSession<'a> {
    /// The cookie that the browser gets.
    pub cookie: Hash,
    pub user_id: Uuid,
    /// What the browser says it is, and where it is.
    pub user_agent: &'a str,
    pub address: Option<IpAddr>,
}

/// A session as its user sees it.
pub struct OpenSession {
    pub id: Uuid,
    pub started_at: OffsetDateTime,
    pub authenticated_at: OffsetDateTime,
    pub user_agent: String,
    pub address: String,
}

/// The session with this cookie, unless it has ended.
pub async fn find_session(db: &mut PgConnection, cookie: Hash, now: OffsetDateTime) -> Result<Option<Session>> {
    let row = sqlx::query!(
        "SELECT s.id AS session_id, s.authenticated_at, u.id, u.username, u.name, u.email, u.roles
         FROM login_session s JOIN end_user u ON u.id = s.user_id
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL",
        cookie.as_bytes(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Session {
        id: row.session_id,
        user: user(row.id, row.username, row.name, row.email, &row.roles),
        authenticated_at: row.authenticated_at,
    }))
}

/// Gives the session that the same user had in this browser a new cookie and a new time; whether there was one.
pub async fn renew_session(
    db: &mut PgConnection,
    before: Hash,
    new: &NewSession<'_>,
    now: OffsetDateTime,
) -> Result<bool> {
    let renewed = sqlx::query!(
        "UPDATE login_session SET token_hash = $3, authenticated_at = $4, expires_at = $5, user_agent = $6, address = $7
         WHERE token_hash = $1 AND user_id = $2 AND expires_at > $4",
        before.as_bytes(),
        new.user_id,
        new.cookie.as_bytes(),
        now,
        now + SESSION_LIFETIME,
        new.user_agent,
        new.address.map(|address| address.to_string()).unwrap_or_default(),
    );
    Ok(renewed.execute(db).await?.rows_affected() == 1)
}

/// Opens a session.
pub async fn insert_session(db: &mut PgConnection, new: &NewSession<'_>, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "INSERT INTO login_session
             (token_hash, id, user_id, authenticated_at, started_at, expires_at, user_agent, address)
         VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
        new.cookie.as_bytes(),
        Uuid::new_v4(),
        new.user_id,
        now,
        now + SESSION_LIFETIME,
        new.user_agent,
        new.address.map(|address| address.to_string()).unwrap_or_default(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The session with this cookie, whether or not it has expired.
pub async fn find_session_id(db: &mut PgConnection, cookie: Hash) -> Result<Option<Uuid>> {
    let id = sqlx::query_scalar!("SELECT id FROM login_session WHERE token_hash = $1", cookie.as_bytes());
    Ok(id.fetch_optional(db).await?)
}

/// Ends sessions; whose they were. Grants under way in them are waited for. In their order: who ends
/// the same ones meanwhile waits, and neither waits for the other.
pub async fn delete_sessions(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "DELETE FROM login_session WHERE id IN (
             SELECT id FROM login_session WHERE id = ANY ($1) ORDER BY id FOR UPDATE) RETURNING user_id",
        ids
    )
    .fetch_all(db)
    .await?)
}

/// The sessions of a user that have not ended, the latest first; a hundred at the most.
pub async fn list_sessions(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> Result<Vec<OpenSession>> {
    let sessions = sqlx::query_as!(
        OpenSession,
        "SELECT id, started_at, authenticated_at, user_agent, address FROM login_session
         WHERE user_id = $1 AND expires_at > $2 ORDER BY authenticated_at DESC, id LIMIT 100",
        user_id,
        now,
    );
    Ok(sessions.fetch_all(db).await?)
}

/// Revokes the grants given in these sessions that do not outlive them, those without `offline_access`; which. Locked in
/// the order of their ids, as everywhere, so that two who revoke do not wait for each other.
pub async fn revoke_grants_of_sessions(db: &mut PgConnection, ids: &[Uuid], now: OffsetDateTime) -> Result<Vec<Uuid>> {
    let grants = sqlx::query_scalar!(
        "WITH live AS (
             SELECT id FROM authorization_grant
             WHERE session_id = ANY ($1) AND revoked_at IS NULL AND NOT 'offline_access' = ANY (scopes)
             ORDER BY id FOR NO KEY UPDATE)
         UPDATE authorization_grant g SET revoked_at = $2 FROM live WHERE g.id = live.id RETURNING g.id",
        ids,
        now,
    );
    Ok(grants.fetch_all(db).await?)
}
