//! Signing keys: of each algorithm in a table of its own, read through one view.

use database::Result;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::SigningAlgorithm;

/// A signing key as stored.
#[derive(Clone, Debug)]
pub struct SealedKey {
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
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
    pub algorithm: String,
    pub kid: String,
    pub created_at: OffsetDateTime,
    pub signs_from: OffsetDateTime,
    pub retired_at: Option<OffsetDateTime>,
}

/// Makes other instances that want to make or retire a key, of any algorithm, wait until this transaction ends.
pub async fn lock_keys(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE").execute(db).await?;
    Ok(())
}

/// The keys that are not retired, the one that signs last first: a hundred of each algorithm, so that those of one do not
/// crowd out the other's. Those of an algorithm that a newer program has are left out.
pub async fn list_keys(db: &mut PgConnection) -> Result<Vec<SealedKey>> {
    let keys = sqlx::query!(
        r#"SELECT algorithm AS "algorithm!", kid AS "kid!", public_jwk AS "public_jwk!",
             sealed_private_key AS "sealed_private_key!", signs_from AS "signs_from!"
         FROM (SELECT *, row_number() OVER (PARTITION BY algorithm ORDER BY signs_from DESC, kid) AS nth
             FROM any_signing_key WHERE retired_at IS NULL) AS living
         WHERE nth <= 100 ORDER BY signs_from DESC, kid"#
    );
    let keys = keys.fetch_all(db).await?.into_iter().filter_map(|row| {
        Some(SealedKey {
            algorithm: SigningAlgorithm::parse(&row.algorithm)?,
            kid: row.kid,
            public_jwk: row.public_jwk,
            sealed_private_key: row.sealed_private_key,
            signs_from: row.signs_from,
        })
    });
    Ok(keys.collect())
}

/// The public parts of the keys that are not retired: by algorithm, the one that signs last first, a hundred of each.
pub async fn list_public_keys(db: &mut PgConnection) -> Result<Vec<Value>> {
    let keys = sqlx::query_scalar!(
        r#"SELECT public_jwk AS "public_jwk!"
         FROM (SELECT *, row_number() OVER (PARTITION BY algorithm ORDER BY signs_from DESC, kid) AS nth
             FROM any_signing_key WHERE retired_at IS NULL) AS living
         WHERE nth <= 100 ORDER BY algorithm, signs_from DESC, kid"#
    );
    Ok(keys.fetch_all(db).await?)
}

/// The keys that there are and were lately, the one that signs last first.
pub async fn list_key_lives(db: &mut PgConnection) -> Result<Vec<KeyLife>> {
    let lives = sqlx::query_as!(
        KeyLife,
        r#"SELECT algorithm AS "algorithm!", kid AS "kid!", created_at AS "created_at!", signs_from AS "signs_from!",
             retired_at
         FROM any_signing_key ORDER BY signs_from DESC, algorithm, kid LIMIT 100"#
    );
    Ok(lives.fetch_all(db).await?)
}

/// Records a key.
pub async fn insert_key(db: &mut PgConnection, key: &SealedKey, now: OffsetDateTime) -> Result<()> {
    let SealedKey { algorithm, kid, public_jwk, sealed_private_key, signs_from } = key;
    let inserted = match algorithm {
        SigningAlgorithm::Es256 => sqlx::query!(
            "INSERT INTO signing_key (kid, public_jwk, sealed_private_key, created_at, signs_from)
             VALUES ($1, $2, $3, $4, $5)",
            kid,
            public_jwk,
            sealed_private_key,
            now,
            signs_from,
        ),
        SigningAlgorithm::Rs256 => sqlx::query!(
            "INSERT INTO rsa_signing_key (kid, public_jwk, sealed_private_key, created_at, signs_from)
             VALUES ($1, $2, $3, $4, $5)",
            kid,
            public_jwk,
            sealed_private_key,
            now,
            signs_from,
        ),
    };
    inserted.execute(db).await?;
    Ok(())
}

/// Retires a key; whether it was there.
pub async fn retire_key(db: &mut PgConnection, kid: &str, now: OffsetDateTime) -> Result<bool> {
    let retired = sqlx::query_scalar!(
        r#"WITH es256 AS (
             UPDATE signing_key SET retired_at = $2, sealed_private_key = ''
             WHERE kid = $1 AND retired_at IS NULL RETURNING kid),
         rs256 AS (
             UPDATE rsa_signing_key SET retired_at = $2, sealed_private_key = ''
             WHERE kid = $1 AND retired_at IS NULL RETURNING kid)
         SELECT (EXISTS (SELECT FROM es256) OR EXISTS (SELECT FROM rs256)) AS "retired!""#,
        kid,
        now
    );
    Ok(retired.fetch_one(db).await?)
}

/// Retires the keys that another one of their algorithm has followed before `followed_before`; which.
pub async fn retire_followed_keys(
    db: &mut PgConnection,
    followed_before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<String>> {
    let retired = sqlx::query_scalar!(
        r#"WITH es256 AS (
             UPDATE signing_key SET retired_at = $2, sealed_private_key = ''
             WHERE retired_at IS NULL AND signs_from < (
                 SELECT max(signs_from) FROM signing_key WHERE retired_at IS NULL AND signs_from <= $1)
             RETURNING kid),
         rs256 AS (
             UPDATE rsa_signing_key SET retired_at = $2, sealed_private_key = ''
             WHERE retired_at IS NULL AND signs_from < (
                 SELECT max(signs_from) FROM rsa_signing_key WHERE retired_at IS NULL AND signs_from <= $1)
             RETURNING kid)
         SELECT kid AS "kid!" FROM es256 UNION ALL SELECT kid FROM rs256"#,
        followed_before,
        now
    );
    Ok(retired.fetch_all(db).await?)
}
