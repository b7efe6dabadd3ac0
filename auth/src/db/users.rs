//! Users and their passwords.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Profile, Role};

/// What a password is checked against.
pub struct Credentials {
    /// Whose it is.
    pub user_id: Uuid,
    /// Argon2id, PHC string.
    pub password_hash: String,
}

/// The credentials of the user with this name, in lower case.
pub async fn find_credentials(db: &mut PgConnection, username: &str) -> Result<Option<Credentials>> {
    let found = sqlx::query_as!(
        Credentials,
        "SELECT id AS user_id, password_hash FROM end_user WHERE username = $1 AND disabled_at IS NULL",
        username
    );
    Ok(found.fetch_optional(db).await?)
}

/// How many passwords of users were hashed at a cost.
pub struct HashesAt {
    /// What such a hash begins with: algorithm, version and parameters.
    pub cost: String,
    pub hashes: i64,
}

/// At which costs passwords were hashed, of users who may log in. Reads them all.
pub async fn count_hashes(db: &mut PgConnection) -> Result<Vec<HashesAt>> {
    let counted = sqlx::query_as!(
        HashesAt,
        r#"SELECT coalesce(substring(password_hash FROM '^(?:\$[^$]*){3}\$'), '') AS "cost!", count(*) AS "hashes!"
         FROM end_user WHERE disabled_at IS NULL GROUP BY 1"#
    );
    Ok(counted.fetch_all(db).await?)
}

/// Keeps a password in another form.
pub async fn update_password_hash(db: &mut PgConnection, user_id: Uuid, password_hash: &str) -> Result<()> {
    sqlx::query!("UPDATE end_user SET password_hash = $2 WHERE id = $1", user_id, password_hash).execute(db).await?;
    Ok(())
}

/// Which of these names are taken.
pub async fn list_usernames(db: &mut PgConnection, among: &[String]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("SELECT username FROM end_user WHERE username = ANY ($1)", among).fetch_all(db).await?)
}

/// Adds a user, unless there is one with this id or name.
pub async fn insert_user(
    db: &mut PgConnection,
    profile: &Profile,
    roles: &[Role],
    password_hash: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let roles: Vec<_> = roles.iter().copied().map(Role::as_str).map(str::to_owned).collect();
    let address = profile.address.as_ref();
    sqlx::query!(
        "INSERT INTO end_user (id, username, password_hash, name, given_name, family_name, email, email_verified,
             phone_number, phone_number_verified, street_address, postal_code, locality, country, updated_at, roles,
             created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING",
        profile.id,
        profile.username,
        password_hash,
        profile.name,
        profile.given_name,
        profile.family_name,
        profile.email,
        profile.email_verified,
        profile.phone_number,
        profile.phone_number_verified,
        address.map(|address| &address.street_address),
        address.map(|address| &address.postal_code),
        address.map(|address| &address.locality),
        address.map(|address| &address.country),
        profile.updated_at,
        &roles,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
