//! JWTs that may be used once: client assertions and DPoP proofs.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::Hash;

/// Records that a JWT was used; whether it was not used before. Of many at once exactly one is the first.
pub async fn insert_used_jwt(db: &mut PgConnection, jti: Hash, expires_at: OffsetDateTime) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO used_jwt (jti_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        jti.as_bytes(),
        expires_at,
    );
    Ok(inserted.execute(db).await?.rows_affected() == 1)
}
