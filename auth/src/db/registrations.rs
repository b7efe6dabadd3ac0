//! Clients that register themselves, and what operators hand out for that.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Allowance, GrantType, Hash};

/// An initial access token to be issued.
pub struct NewAllowance<'a> {
    pub id: Uuid,
    pub token: Hash,
    pub uses: i32,
    pub allowance: &'a Allowance,
    pub issued_by: &'a str,
    pub expires_at: OffsetDateTime,
}

/// Records an initial access token.
pub async fn insert_initial_access_token(
    db: &mut PgConnection,
    new: &NewAllowance<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO initial_access_token
             (id, token_hash, uses_left, scopes, grant_types, issued_by, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.token.as_bytes(),
        new.uses,
        &new.allowance.scopes.to_vec(),
        &names(&new.allowance.grant_types),
        new.issued_by,
        now,
        new.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Withdraws an initial access token; whether it was there.
pub async fn delete_initial_access_token(db: &mut PgConnection, id: Uuid) -> Result<bool> {
    let deleted = sqlx::query!("DELETE FROM initial_access_token WHERE id = $1", id).execute(db).await?;
    Ok(deleted.rows_affected() == 1)
}

/// Uses an initial access token once, if it may be used; what it allows. Inside the transaction that adds the client.
pub async fn use_initial_access_token(
    db: &mut PgConnection,
    token: Hash,
    now: OffsetDateTime,
) -> Result<Option<Allowance>> {
    let used = sqlx::query!(
        "UPDATE initial_access_token SET uses_left = uses_left - 1
         WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2 RETURNING scopes, grant_types",
        token.as_bytes(),
        now,
    );
    let used = used.fetch_optional(db).await?;
    Ok(used.map(|row| Allowance { scopes: row.scopes.into(), grant_types: parsed(&row.grant_types) }))
}

/// Makes a client one that can change its registration with this token, within what it is allowed.
pub async fn insert_registration(
    db: &mut PgConnection,
    client_id: &str,
    token: Hash,
    allowance: &Allowance,
) -> Result<()> {
    sqlx::query!(
        "UPDATE client SET registration_hash = $2, most_scopes = $3, most_grant_types = $4 WHERE client_id = $1",
        client_id,
        token.as_bytes(),
        &allowance.scopes.to_vec(),
        &names(&allowance.grant_types),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a client may be given, if this is its registration access token. Locks the client.
pub async fn lock_registration(db: &mut PgConnection, client_id: &str, token: Hash) -> Result<Option<Allowance>> {
    let found = sqlx::query!(
        "SELECT most_scopes, most_grant_types FROM client
         WHERE client_id = $1 AND registration_hash = $2 AND disabled_at IS NULL FOR NO KEY UPDATE",
        client_id,
        token.as_bytes(),
    );
    let found = found.fetch_optional(db).await?;
    Ok(found.map(|row| Allowance { scopes: row.most_scopes.into(), grant_types: parsed(&row.most_grant_types) }))
}

fn names(grant_types: &[GrantType]) -> Vec<String> {
    grant_types.iter().map(|grant_type| grant_type.as_str().to_owned()).collect()
}

fn parsed(names: &[String]) -> Vec<GrantType> {
    names.iter().filter_map(|name| GrantType::parse(name)).collect()
}
