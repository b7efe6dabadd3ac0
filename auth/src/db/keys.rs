//! Signing keys.

use database::Result;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// A signing key as stored.
pub struct SealedKey {
    /// Its thumbprint.
    pub kid: String,
    /// The public part, as it is published.
    pub public_jwk: Value,
    /// The private part, encrypted.
    pub sealed_private_key: Vec<u8>,
}

/// Makes other instances that want to create a key wait until this transaction ends.
pub async fn lock_keys(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE").execute(db).await?;
    Ok(())
}

/// The keys that are not retired, newest first.
pub async fn list_keys(db: &mut PgConnection) -> Result<Vec<SealedKey>> {
    let keys = sqlx::query_as!(
        SealedKey,
        "SELECT kid, public_jwk, sealed_private_key FROM signing_key
         WHERE retired_at IS NULL ORDER BY created_at DESC, kid LIMIT 100"
    );
    Ok(keys.fetch_all(db).await?)
}

/// The public parts of the keys that are not retired, newest first.
pub async fn list_public_keys(db: &mut PgConnection) -> Result<Vec<Value>> {
    let keys = sqlx::query_scalar!(
        "SELECT public_jwk FROM signing_key WHERE retired_at IS NULL ORDER BY created_at DESC, kid LIMIT 100"
    );
    Ok(keys.fetch_all(db).await?)
}

/// Records a key.
pub async fn insert_key(db: &mut PgConnection, key: &SealedKey, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "INSERT INTO signing_key (kid, public_jwk, sealed_private_key, created_at) VALUES ($1, $2, $3, $4)",
        key.kid,
        key.public_jwk,
        key.sealed_private_key,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
