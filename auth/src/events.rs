//! What this service announces. It reacts to nothing.

use contracts::auth::TokensRevoked;
use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{db, domain::Hash};

/// Revokes a grant with everything issued under it, and announces the access tokens that die with it. Inside a
/// transaction.
pub async fn revoke_grant(db: &mut PgConnection, grant_id: Uuid, now: OffsetDateTime) -> Result<()> {
    let ended = db::revoke_grant(db, grant_id, now).await?;
    let token_hashes: Vec<_> = ended.iter().map(hex::encode).collect();
    tracing::info!(%grant_id, access_tokens = token_hashes.len(), "grant revoked");
    if token_hashes.is_empty() {
        return Ok(());
    }
    messaging::announce(db, &TokensRevoked { token_hashes, grant_id: grant_id.to_string() }, now).await
}

/// Revokes one access token, and announces it if it was alive. Inside a transaction.
pub async fn revoke_access_token(db: &mut PgConnection, token: Hash, now: OffsetDateTime) -> Result<()> {
    let Some(revoked) = db::revoke_access_token(db, token, now).await? else { return Ok(()) };
    let token_hash = hex::encode(token.as_bytes());
    // A client that acts for itself has no grant: its token is an aggregate of its own.
    let grant_id = revoked.grant_id.map_or_else(|| token_hash.clone(), |id| id.to_string());
    messaging::announce(db, &TokensRevoked { token_hashes: vec![token_hash], grant_id }, now).await
}
