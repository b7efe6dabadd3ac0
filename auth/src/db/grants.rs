//! Grants, and the codes and refresh tokens that are redeemed under them.
//!
//! Redeeming is one conditional UPDATE, so of many at once exactly one wins. It holds the grant with FOR SHARE until
//! its tokens are inserted: a revocation waits for them, and so finds and announces them too.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::user,
    domain::{CODE_LIFETIME, Challenge, Hash, Redeemed, Resources, Scopes},
};

/// A code to be issued, with the grant it stands for.
pub struct NewCode<'a> {
    pub grant_id: Uuid,
    pub client_id: &'a str,
    pub user_id: Uuid,
    pub scopes: &'a Scopes,
    pub authenticated_at: OffsetDateTime,
    pub code: Hash,
    pub redirect_uri: &'a str,
    pub challenge: Option<&'a Challenge>,
    pub nonce: Option<&'a str>,
    pub session_id: Uuid,
    pub id_token_claims: &'a [String],
    pub userinfo_claims: &'a [String],
    pub key: Option<Hash>,
    pub resources: Option<&'a Resources>,
}

/// Records what a user granted a client, with the code that the client redeems; false if the session has ended
/// meanwhile. Who ends one waits for this, and so finds the grant.
pub async fn insert_grant(db: &mut PgConnection, new: &NewCode<'_>, now: OffsetDateTime) -> Result<bool> {
    let resources = new.resources.map(Resources::to_vec);
    let inserted = sqlx::query!(
        "WITH open AS (SELECT id FROM login_session WHERE id = $12 FOR KEY SHARE),
         granted AS (
             INSERT INTO authorization_grant (id, client_id, user_id, scopes, authenticated_at, created_at,
                 session_id, id_token_claims, userinfo_claims, resources)
             SELECT $1, $2, $3, $4, $5, $6, open.id, $13, $14, $16 FROM open RETURNING id, client_id)
         INSERT INTO authorization_code
             (code_hash, grant_id, client_id, redirect_uri, code_challenge, nonce, expires_at, dpop_jkt)
         SELECT $7, id, client_id, $8, $9, $10, $11, $15 FROM granted",
        new.grant_id,
        new.client_id,
        new.user_id,
        &new.scopes.to_vec(),
        new.authenticated_at,
        now,
        new.code.as_bytes(),
        new.redirect_uri,
        new.challenge.map(Challenge::as_str),
        new.nonce,
        now + CODE_LIFETIME,
        new.session_id,
        new.id_token_claims,
        new.userinfo_claims,
        new.key.as_ref().map(Hash::as_bytes),
        resources.as_deref(),
    );
    Ok(inserted.execute(db).await?.rows_affected() == 1)
}

/// What a client shows for a code.
pub struct Claim<'a> {
    pub code: Hash,
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    /// None must meet a code that was issued without.
    pub challenge: Option<&'a Challenge>,
    /// The key that it proves to hold.
    pub key: Option<Hash>,
}

/// Redeems a code, if it is this client's, for this address, this proof and this key, unused and unexpired. Inside a
/// transaction in which the tokens are inserted as well.
pub async fn redeem_code(db: &mut PgConnection, claim: &Claim<'_>, now: OffsetDateTime) -> Result<Option<Redeemed>> {
    let row = sqlx::query!(
        "WITH live AS (
             SELECT g.id, g.scopes, g.authenticated_at, g.session_id, g.id_token_claims, g.resources, u.id AS user_id, u.username,
                 u.name, u.email, u.roles
             FROM authorization_code c
             JOIN authorization_grant g ON g.id = c.grant_id
             JOIN end_user u ON u.id = g.user_id
             WHERE c.code_hash = $1 AND g.revoked_at IS NULL AND u.disabled_at IS NULL
             FOR SHARE OF g)
         UPDATE authorization_code c SET used_at = $5 FROM live
         WHERE c.code_hash = $1 AND c.client_id = $2 AND c.redirect_uri = $3
             AND c.code_challenge IS NOT DISTINCT FROM $4
             AND c.used_at IS NULL AND c.expires_at > $5 AND (c.dpop_jkt IS NULL OR c.dpop_jkt = $6)
         RETURNING live.id, live.scopes, live.authenticated_at, live.session_id, live.id_token_claims, live.resources, live.user_id,
             live.username, live.name, live.email, live.roles, c.nonce",
        claim.code.as_bytes(),
        claim.client_id,
        claim.redirect_uri,
        claim.challenge.map(Challenge::as_str),
        now,
        claim.key.as_ref().map(Hash::as_bytes),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Redeemed {
        grant_id: row.id,
        user: user(row.user_id, row.username, row.name, row.email, &row.roles),
        scopes: row.scopes.into(),
        authenticated_at: row.authenticated_at,
        session_id: row.session_id,
        nonce: row.nonce,
        id_token_claims: row.id_token_claims,
        resources: Resources::stored(row.resources),
    }))
}

/// Redeems a refresh token, if it is this client's and bound to no other key, unused and unexpired. Inside a transaction in which the new
/// tokens are inserted as well.
pub async fn redeem_refresh_token(
    db: &mut PgConnection,
    token: Hash,
    client_id: &str,
    key: Option<Hash>,
    now: OffsetDateTime,
) -> Result<Option<Redeemed>> {
    let row = sqlx::query!(
        "WITH live AS (
             SELECT g.id, g.scopes, g.authenticated_at, g.session_id, g.id_token_claims, g.resources, u.id AS user_id, u.username,
                 u.name, u.email, u.roles
             FROM refresh_token r
             JOIN authorization_grant g ON g.id = r.grant_id
             JOIN end_user u ON u.id = g.user_id
             WHERE r.token_hash = $1 AND g.revoked_at IS NULL AND u.disabled_at IS NULL
             FOR SHARE OF g)
         UPDATE refresh_token r SET used_at = $3 FROM live
         WHERE r.token_hash = $1 AND r.client_id = $2 AND r.used_at IS NULL AND r.expires_at > $3
             AND (r.dpop_jkt IS NULL OR r.dpop_jkt = $4)
         RETURNING live.id, live.scopes, live.authenticated_at, live.session_id, live.id_token_claims, live.resources, live.user_id,
             live.username, live.name, live.email, live.roles",
        token.as_bytes(),
        client_id,
        now,
        key.as_ref().map(Hash::as_bytes),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Redeemed {
        grant_id: row.id,
        user: user(row.user_id, row.username, row.name, row.email, &row.roles),
        scopes: row.scopes.into(),
        authenticated_at: row.authenticated_at,
        session_id: row.session_id,
        nonce: None,
        id_token_claims: row.id_token_claims,
        resources: Resources::stored(row.resources),
    }))
}

/// The grant of a code of this client that was used before.
pub async fn find_grant_of_used_code(db: &mut PgConnection, code: Hash, client_id: &str) -> Result<Option<Uuid>> {
    let grant = sqlx::query_scalar!(
        "SELECT grant_id FROM authorization_code WHERE code_hash = $1 AND client_id = $2 AND used_at IS NOT NULL",
        code.as_bytes(),
        client_id,
    );
    Ok(grant.fetch_optional(db).await?)
}

/// The grant of a refresh token of this client that was used before.
pub async fn find_grant_of_used_refresh_token(
    db: &mut PgConnection,
    token: Hash,
    client_id: &str,
) -> Result<Option<Uuid>> {
    let grant = sqlx::query_scalar!(
        "SELECT grant_id FROM refresh_token WHERE token_hash = $1 AND client_id = $2 AND used_at IS NOT NULL",
        token.as_bytes(),
        client_id,
    );
    Ok(grant.fetch_optional(db).await?)
}

/// A grant that was revoked just now.
pub struct EndedGrant {
    pub client_id: String,
    pub user_id: Uuid,
    /// The hashes of its access tokens that were still alive.
    pub access_tokens: Vec<Vec<u8>>,
}

/// Revokes a grant with everything issued under it, unless it was revoked before. Inside a transaction in which that is
/// announced as well.
pub async fn revoke_grant(db: &mut PgConnection, grant_id: Uuid, now: OffsetDateTime) -> Result<Option<EndedGrant>> {
    // A statement of its own: it waits for redemptions under way, and the next one sees their tokens.
    let grant = sqlx::query!(
        "UPDATE authorization_grant SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
         RETURNING client_id, user_id",
        grant_id,
        now
    );
    let Some(grant) = grant.fetch_optional(&mut *db).await? else { return Ok(None) };
    let ended = sqlx::query_scalar!(
        "UPDATE access_token SET revoked_at = $2
         WHERE grant_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING token_hash",
        grant_id,
        now,
    );
    let access_tokens = ended.fetch_all(db).await?;
    Ok(Some(EndedGrant { client_id: grant.client_id, user_id: grant.user_id, access_tokens }))
}

/// Revokes the access tokens of grants that were revoked by the statement before, which has waited for redemptions under
/// way; the hashes of those that were still alive.
pub async fn revoke_tokens_of_grants(
    db: &mut PgConnection,
    grants: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<Vec<u8>>> {
    let ended = sqlx::query_scalar!(
        "UPDATE access_token SET revoked_at = $2
         WHERE grant_id = ANY ($1) AND revoked_at IS NULL AND expires_at > $2 RETURNING token_hash",
        grants,
        now,
    );
    Ok(ended.fetch_all(db).await?)
}
