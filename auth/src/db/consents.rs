//! What users have allowed clients, and what clients hold of them.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::Scopes;

/// A client that a user has allowed something, or that holds something of the user's now or has yet to fetch it.
pub struct Application {
    pub client_id: String,
    pub name: String,
    pub scopes: Scopes,
    pub since: OffsetDateTime,
}

/// What a user has allowed a client.
pub async fn find_consent(db: &mut PgConnection, user_id: Uuid, client_id: &str) -> Result<Option<Scopes>> {
    let scopes =
        sqlx::query_scalar!("SELECT scopes FROM consent WHERE user_id = $1 AND client_id = $2", user_id, client_id);
    Ok(scopes.fetch_optional(db).await?.map(Scopes::from))
}

/// Whether a user has allowed a client all of this; it stays so until the transaction ends.
pub async fn lock_consent(db: &mut PgConnection, user_id: Uuid, client_id: &str, scopes: &Scopes) -> Result<bool> {
    let given = sqlx::query_scalar!(
        r#"SELECT true AS "given!" FROM consent WHERE user_id = $1 AND client_id = $2 AND scopes @> $3 FOR SHARE"#,
        user_id,
        client_id,
        &scopes.to_vec(),
    );
    Ok(given.fetch_optional(db).await?.unwrap_or_default())
}

/// Remembers what a user allows a client, with all that was allowed before.
pub async fn upsert_consent(
    db: &mut PgConnection,
    user_id: Uuid,
    client_id: &str,
    scopes: &Scopes,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO consent (user_id, client_id, scopes, given_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, client_id) DO UPDATE SET
             scopes = ARRAY (SELECT DISTINCT unnest(consent.scopes || excluded.scopes)), given_at = excluded.given_at",
        user_id,
        client_id,
        &scopes.to_vec(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what a user has allowed a client. Grants under way are waited for.
pub async fn delete_consent(db: &mut PgConnection, user_id: Uuid, client_id: &str) -> Result<()> {
    sqlx::query!("DELETE FROM consent WHERE user_id = $1 AND client_id = $2", user_id, client_id).execute(db).await?;
    Ok(())
}

/// Forgets what all users have allowed a client. Grants under way are waited for.
pub async fn delete_consents_to(db: &mut PgConnection, client_id: &str) -> Result<()> {
    sqlx::query!("DELETE FROM consent WHERE client_id = $1", client_id).execute(db).await?;
    Ok(())
}

/// The clients that a user has allowed something or that can act for the user now, or as soon as they fetch what waits for
/// them, by name; a hundred at the most.
pub async fn list_applications(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> Result<Vec<Application>> {
    let rows = sqlx::query!(
        r#"WITH live AS (
             SELECT g.client_id, g.scopes, g.created_at FROM authorization_grant g
             WHERE g.user_id = $1 AND g.revoked_at IS NULL AND (
                 EXISTS (SELECT FROM access_token t
                     WHERE t.grant_id = g.id AND t.revoked_at IS NULL AND t.expires_at > $2)
                 OR EXISTS (SELECT FROM refresh_token r
                     WHERE r.grant_id = g.id AND r.used_at IS NULL AND r.expires_at > $2)
                 OR EXISTS (SELECT FROM authorization_code k
                     WHERE k.grant_id = g.id AND k.used_at IS NULL AND k.expires_at > $2)
                 OR EXISTS (SELECT FROM device_authorization d
                     WHERE d.grant_id = g.id AND d.used_at IS NULL AND d.expires_at > $2))
             UNION ALL
             SELECT client_id, scopes, given_at FROM consent WHERE user_id = $1)
         SELECT c.client_id, c.name, min(live.created_at) AS "since!", array_agg(DISTINCT scope) AS "scopes!"
         FROM live JOIN client c USING (client_id), unnest(live.scopes) AS scope
         GROUP BY c.client_id ORDER BY c.name, c.client_id LIMIT 100"#,
        user_id,
        now,
    )
    .fetch_all(db)
    .await?;
    let application = rows.into_iter().map(|row| Application {
        client_id: row.client_id,
        name: row.name,
        scopes: row.scopes.into(),
        since: row.since,
    });
    Ok(application.collect())
}

/// Revokes the grants of a user to a client; which.
pub async fn revoke_grants_to(
    db: &mut PgConnection,
    user_id: Uuid,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>> {
    let grants = sqlx::query_scalar!(
        "WITH live AS (
             SELECT id FROM authorization_grant WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL
             ORDER BY id FOR NO KEY UPDATE)
         UPDATE authorization_grant g SET revoked_at = $3 FROM live WHERE g.id = live.id RETURNING g.id",
        user_id,
        client_id,
        now,
    );
    Ok(grants.fetch_all(db).await?)
}
