//! Authorization requests that clients pushed.

use database::Result;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Hash, PRESENTED_REQUEST_LIFETIME, PUSHED_REQUEST_LIFETIME};

/// Records a request under the hash of its reference.
pub async fn insert_pushed_request(
    db: &mut PgConnection,
    uri: Hash,
    client_id: &str,
    parameters: &Value,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO pushed_request (uri_hash, client_id, parameters, expires_at) VALUES ($1, $2, $3, $4)",
        uri.as_bytes(),
        client_id,
        parameters,
        now + PUSHED_REQUEST_LIFETIME,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The request of this client under a reference, unless it was used or has expired. The first time gives it time until
/// the user has logged in.
pub async fn present_pushed_request(
    db: &mut PgConnection,
    uri: Hash,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Option<Value>> {
    let parameters = sqlx::query_scalar!(
        "UPDATE pushed_request SET presented_at = coalesce(presented_at, $3),
             expires_at = CASE WHEN presented_at IS NULL THEN $4 ELSE expires_at END
         WHERE uri_hash = $1 AND client_id = $2 AND used_at IS NULL AND expires_at > $3
         RETURNING parameters",
        uri.as_bytes(),
        client_id,
        now,
        now + PRESENTED_REQUEST_LIFETIME,
    );
    Ok(parameters.fetch_optional(db).await?)
}

/// Redeems a reference, if it is unused and unexpired. Of many at once exactly one wins. Inside the transaction in which
/// the code is issued.
pub async fn redeem_pushed_request(db: &mut PgConnection, uri: Hash, now: OffsetDateTime) -> Result<bool> {
    let redeemed = sqlx::query!(
        "UPDATE pushed_request SET used_at = $2 WHERE uri_hash = $1 AND used_at IS NULL AND expires_at > $2",
        uri.as_bytes(),
        now,
    );
    Ok(redeemed.execute(db).await?.rows_affected() == 1)
}
