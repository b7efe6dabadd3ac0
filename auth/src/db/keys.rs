//! Signing keys.

use database::Result;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// A signing key as stored.
#[derive(Clone, Debug)]
pub struct SealedKey {
    /// Its thumbprint.
    pub kid: String,
    /// The public part, as it is published.
    pub public_jwk: Value,
    /// The private part, encrypted.
    pub sealed_private_key: Vec<u8>,
    /// From then on it signs, until a newer one does.
    pub signs_from: OffsetDateTime,
}

/// When a key did what.
#[derive(Clone, Debug)]
pub struct KeyLife {
    pub kid: String,
    pub created_at: OffsetDateTime,
    pub signs_from: OffsetDateTime,
    pub retired_at: Option<OffsetDateTime>,
}

/// Makes other instances that want to make or retire a key wait until this transaction ends.
pub async fn lock_keys(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE").execute(db).await?;
    Ok(())
}

/// The keys that are not retired, the one that signs last first.
pub async fn list_keys(db: &mut PgConnection) -> Result<Vec<SealedKey>> {
    let keys = sqlx::query_as!(
        SealedKey,
        "SELECT kid, public_jwk, sealed_private_key, signs_from FROM signing_key
         WHERE retired_at IS NULL ORDER BY signs_from DESC, kid LIMIT 100"
    );
    Ok(keys.fetch_all(db).await?)
}

/// The public parts of the keys that are not retired, the one that signs last first.
pub async fn list_public_keys(db: &mut PgConnection) -> Result<Vec<Value>> {
    let keys = sqlx::query_scalar!(
        "SELECT public_jwk FROM signing_key WHERE retired_at IS NULL ORDER BY signs_from DESC, kid LIMIT 100"
    );
    Ok(keys.fetch_all(db).await?)
}

/// The keys that there are and were lately, the one that signs last first.
pub async fn list_key_lives(db: &mut PgConnection) -> Result<Vec<KeyLife>> {
    let lives = sqlx::query_as!(
        KeyLife,
        "SELECT kid, created_at, signs_from, retired_at FROM signing_key ORDER BY signs_from DESC, kid LIMIT 100"
    );
    Ok(lives.fetch_all(db).await?)
}

/// Records a key.
pub async fn insert_key(db: &mut PgConnection, key: &SealedKey, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "INSERT INTO signing_key (kid, public_jwk, sealed_private_key, created_at, signs_from)
         VALUES ($1, $2, $3, $4, $5)",
        key.kid,
        key.public_jwk,
        key.sealed_private_key,
        now,
        key.signs_from,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Retires a key; whether it was there.
pub async fn retire_key(db: &mut PgConnection, kid: &str, now: OffsetDateTime) -> Result<bool> {
    let retired = sqlx::query!(
        "UPDATE signing_key SET retired_at = $2, sealed_private_key = '' WHERE kid = $1 AND retired_at IS NULL",
        kid,
        now
    );
    Ok(retired.execute(db).await?.rows_affected() == 1)
}

/// Retires the keys that another one has followed before `followed_before`; which.
pub async fn retire_followed_keys(
    db: &mut PgConnection,
    followed_before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<String>> {
    let retired = sqlx::query_scalar!(
        "UPDATE signing_key SET retired_at = $2, sealed_private_key = ''
         WHERE retired_at IS NULL AND signs_from < (
             SELECT max(signs_from) FROM signing_key WHERE retired_at IS NULL AND signs_from <= $1)
         RETURNING kid",
        followed_before,
        now
    );
    Ok(retired.fetch_all(db).await?)
}
