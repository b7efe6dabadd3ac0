//! Devices that ask for a login elsewhere.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::user,
    domain::{DEVICE_CODE_LIFETIME, DEVICE_POLL, Hash, Redeemed, Resources, Scopes, Waiting},
};

/// A device that begins to wait.
pub struct NewDevice<'a> {
    pub device_code: Hash,
    pub user_code: Hash,
    pub client_id: &'a str,
    pub scopes: &'a Scopes,
    pub resources: Option<&'a Resources>,
}

/// What a device asks for.
pub struct DeviceQuestion {
    pub client_id: String,
    pub scopes: Scopes,
    pub resources: Option<Resources>,
}

/// What a user decided about a device.
pub struct Decision<'a> {
    pub user_code: Hash,
    pub grant_id: Uuid,
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub scopes: &'a Scopes,
    pub authenticated_at: OffsetDateTime,
}

/// Records a device that waits; false if the user's code is taken.
pub async fn insert_device(db: &mut PgConnection, new: &NewDevice<'_>, now: OffsetDateTime) -> Result<bool> {
    let resources = new.resources.map(Resources::to_vec);
    let inserted = sqlx::query!(
        "INSERT INTO device_authorization
             (device_code_hash, user_code_hash, client_id, scopes, resources, poll_seconds, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        new.device_code.as_bytes(),
        new.user_code.as_bytes(),
        new.client_id,
        &new.scopes.to_vec(),
        resources.as_deref(),
        DEVICE_POLL,
        now + DEVICE_CODE_LIFETIME,
    );
    Ok(inserted.execute(db).await?.rows_affected() == 1)
}

/// What the device with this user's code asks for, unless that is decided or has expired.
pub async fn find_device(
    db: &mut PgConnection,
    user_code: Hash,
    now: OffsetDateTime,
) -> Result<Option<DeviceQuestion>> {
    let row = sqlx::query!(
        "SELECT client_id, scopes, resources FROM device_authorization
         WHERE user_code_hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $2",
        user_code.as_bytes(),
        now,
    );
    Ok(row.fetch_optional(db).await?.map(|row| DeviceQuestion {
        client_id: row.client_id,
        scopes: row.scopes.into(),
        resources: Resources::stored(row.resources),
    }))
}

/// Lets a device have what it asks for; false if that is decided, has expired, or the session has ended meanwhile.
pub async fn allow_device(db: &mut PgConnection, decision: &Decision<'_>, now: OffsetDateTime) -> Result<bool> {
    let allowed = sqlx::query!(
        "WITH open AS (SELECT id FROM login_session WHERE id = $4 FOR KEY SHARE),
         waiting AS (
             SELECT d.device_code_hash, d.client_id, d.resources, open.id AS session_id
             FROM device_authorization d, open
             WHERE d.user_code_hash = $1 AND d.grant_id IS NULL AND d.denied_at IS NULL AND d.expires_at > $7
             FOR UPDATE OF d),
         granted AS (
             INSERT INTO authorization_grant (id, client_id, user_id, scopes, authenticated_at, created_at, session_id,
                 resources)
             SELECT $2, client_id, $3, $5, $6, $7, session_id, resources FROM waiting RETURNING id)
         UPDATE device_authorization d SET grant_id = granted.id FROM granted, waiting
         WHERE d.device_code_hash = waiting.device_code_hash",
        decision.user_code.as_bytes(),
        decision.grant_id,
        decision.user_id,
        decision.session_id,
        &decision.scopes.to_vec(),
        decision.authenticated_at,
        now,
    );
    Ok(allowed.execute(db).await?.rows_affected() == 1)
}

/// Denies a device what it asks for; false if that is decided or has expired.
pub async fn deny_device(db: &mut PgConnection, user_code: Hash, now: OffsetDateTime) -> Result<bool> {
    let denied = sqlx::query!(
        "UPDATE device_authorization SET denied_at = $2
         WHERE user_code_hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $2",
        user_code.as_bytes(),
        now,
    );
    Ok(denied.execute(db).await?.rows_affected() == 1)
}

/// Redeems a device code, if it is this client's and allowed, unused and unexpired. Of many at once exactly one wins.
/// Inside a transaction in which the tokens are inserted as well.
pub async fn redeem_device_code(
    db: &mut PgConnection,
    code: Hash,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Option<Redeemed>> {
    let row = sqlx::query!(
        "WITH live AS (
             SELECT g.id, g.scopes, g.authenticated_at, g.session_id, g.id_token_claims, g.resources, u.id AS user_id,
                 u.username, u.name, u.email, u.roles
             FROM device_authorization d
             JOIN authorization_grant g ON g.id = d.grant_id
             JOIN end_user u ON u.id = g.user_id
             WHERE d.device_code_hash = $1 AND g.revoked_at IS NULL AND u.disabled_at IS NULL
             FOR SHARE OF g)
         UPDATE device_authorization d SET used_at = $3 FROM live
         WHERE d.device_code_hash = $1 AND d.client_id = $2 AND d.used_at IS NULL AND d.expires_at > $3
         RETURNING live.id, live.scopes, live.authenticated_at, live.session_id, live.id_token_claims, live.resources,
             live.user_id, live.username, live.name, live.email, live.roles",
        code.as_bytes(),
        client_id,
        now,
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

/// How a device of this client stands that asks for its tokens. If it asks too soon, it has to wait longer.
pub async fn poll_device(
    db: &mut PgConnection,
    code: Hash,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Option<Waiting>> {
    let row = sqlx::query!(
        r#"WITH before AS (
             SELECT * FROM device_authorization WHERE device_code_hash = $1 AND client_id = $2 FOR UPDATE)
         UPDATE device_authorization d SET polled_at = $3, poll_seconds = before.poll_seconds + CASE
             WHEN before.polled_at > $3::timestamptz - make_interval(secs => before.poll_seconds) THEN 5 ELSE 0 END
         FROM before WHERE d.device_code_hash = before.device_code_hash
         RETURNING before.expires_at, before.used_at, before.grant_id, before.polled_at, before.poll_seconds,
             before.denied_at IS NOT NULL OR EXISTS (
                 SELECT FROM authorization_grant WHERE id = before.grant_id AND revoked_at IS NOT NULL) AS "denied!""#,
        code.as_bytes(),
        client_id,
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Waiting {
        expires_at: row.expires_at,
        denied: row.denied,
        used_for: row.used_at.and(row.grant_id),
        polled_at: row.polled_at,
        poll_seconds: row.poll_seconds,
    }))
}
