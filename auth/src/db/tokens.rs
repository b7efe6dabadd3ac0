//! Access tokens and refresh tokens, by their hashes.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::user,
    domain::{ACCESS_TOKEN_LIFETIME, AccessToken, Hash, REFRESH_TOKEN_LIFETIME, Resources, Scopes},
};

/// An access token to be issued.
pub struct NewToken<'a> {
    pub token: Hash,
    pub grant_id: Option<Uuid>,
    pub client_id: &'a str,
    pub scopes: &'a Scopes,
    /// Whose holder alone may use it.
    pub key: Option<Hash>,
    /// The services that it is for, if not all.
    pub resources: Option<&'a Resources>,
}

/// An access token that was revoked just now.
pub struct Revoked {
    /// The grant it was issued under; none if the client acted for itself.
    pub grant_id: Option<Uuid>,
    /// The user of that grant.
    pub user_id: Option<Uuid>,
    pub client_id: String,
}

/// Records an access token.
pub async fn insert_access_token(db: &mut PgConnection, new: &NewToken<'_>, now: OffsetDateTime) -> Result<()> {
    let resources = new.resources.map(Resources::to_vec);
    sqlx::query!(
        "INSERT INTO access_token (token_hash, grant_id, client_id, scopes, issued_at, expires_at, dpop_jkt, resources)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.token.as_bytes(),
        new.grant_id,
        new.client_id,
        &new.scopes.to_vec(),
        now,
        now + ACCESS_TOKEN_LIFETIME,
        new.key.as_ref().map(Hash::as_bytes),
        resources.as_deref(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records a refresh token, bound to a key or to none.
pub async fn insert_refresh_token(
    db: &mut PgConnection,
    token: Hash,
    grant_id: Uuid,
    (client_id, key): (&str, Option<Hash>),
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO refresh_token (token_hash, grant_id, client_id, issued_at, expires_at, dpop_jkt)
         VALUES ($1, $2, $3, $4, $5, $6)",
        token.as_bytes(),
        grant_id,
        client_id,
        now,
        now + REFRESH_TOKEN_LIFETIME,
        key.as_ref().map(Hash::as_bytes),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a client that acts for itself holds a living token with just these scopes.
pub async fn holds_token(db: &mut PgConnection, client_id: &str, scopes: &Scopes, now: OffsetDateTime) -> Result<bool> {
    let holds = sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT FROM access_token WHERE client_id = $1 AND grant_id IS NULL AND scopes = $2
                 AND revoked_at IS NULL AND expires_at > $3) AS "holds!""#,
        client_id,
        &scopes.to_vec(),
        now,
    );
    Ok(holds.fetch_one(db).await?)
}

/// What stands behind an access token, unless it is unknown, expired or revoked. Token, grant, user and client in one
/// question: it is asked for every token that the gateway does not know yet.
pub async fn find_token(db: &mut PgConnection, token: Hash, now: OffsetDateTime) -> Result<Option<AccessToken>> {
    let row = sqlx::query!(
        r#"SELECT t.client_id, t.scopes, t.issued_at, t.expires_at, t.dpop_jkt, t.resources, c.plan, u.id AS "user_id?",
             u.username AS "username?", u.name AS "name?", u.email AS "email?", u.roles AS "roles?"
         FROM access_token t
         JOIN client c ON c.client_id = t.client_id
         LEFT JOIN authorization_grant g ON g.id = t.grant_id
         LEFT JOIN end_user u ON u.id = g.user_id
         WHERE t.token_hash = $1 AND t.expires_at > $2 AND t.revoked_at IS NULL AND g.revoked_at IS NULL
             AND c.disabled_at IS NULL AND u.disabled_at IS NULL"#,
        token.as_bytes(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| AccessToken {
        client_id: row.client_id,
        plan: row.plan,
        user: match (row.user_id, row.username, row.name, row.email, row.roles) {
            (Some(id), Some(username), Some(name), Some(email), Some(roles)) => {
                Some(user(id, username, name, email, &roles))
            }
            _ => None,
        },
        scopes: row.scopes.into(),
        key: row.dpop_jkt.as_deref().and_then(Hash::stored),
        resources: Resources::stored(row.resources),
        issued_at: row.issued_at,
        expires_at: row.expires_at,
    }))
}

/// Which client a token belongs to, and its grant if it is a refresh token.
pub async fn find_token_owner(db: &mut PgConnection, token: Hash) -> Result<Option<(String, Option<Uuid>)>> {
    let row = sqlx::query!(
        r#"SELECT client_id AS "client_id!", refresh_grant FROM (
             SELECT client_id, NULL::uuid AS refresh_grant FROM access_token WHERE token_hash = $1
             UNION ALL
             SELECT client_id, grant_id FROM refresh_token WHERE token_hash = $1) AS token"#,
        token.as_bytes(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.client_id, row.refresh_grant)))
}

/// Revokes one access token, if it is still alive. Inside a transaction in which that is announced as well.
pub async fn revoke_access_token(db: &mut PgConnection, token: Hash, now: OffsetDateTime) -> Result<Option<Revoked>> {
    let revoked = sqlx::query_as!(
        Revoked,
        "UPDATE access_token SET revoked_at = $2
         WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2
         RETURNING grant_id, client_id,
             (SELECT user_id FROM authorization_grant WHERE id = access_token.grant_id) AS user_id",
        token.as_bytes(),
        now,
    );
    Ok(revoked.fetch_optional(db).await?)
}
