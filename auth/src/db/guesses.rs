//! How often a password was wrong lately.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Hash, Patience};

/// Counts an attempt, before it is known whether the password is right: of many at once, no more than are free get
/// through. How many have failed with this one; none if it has to wait.
pub async fn count_guess(
    db: &mut PgConnection,
    about: Hash,
    patience: &Patience,
    now: OffsetDateTime,
) -> Result<Option<i32>> {
    let counted = sqlx::query_scalar!(
        r#"INSERT INTO guess AS known (about, failures, last_at, free_at)
         VALUES ($1, 1, $2, coalesce($2::timestamptz + make_interval(secs => ($3::float8[])[1]), '-infinity'))
         ON CONFLICT (about) DO UPDATE SET
             failures = CASE WHEN known.last_at < $4 THEN 1 ELSE known.failures + 1 END,
             last_at = $2,
             free_at = coalesce($2::timestamptz + make_interval(secs => ($3::float8[])[
                 least(CASE WHEN known.last_at < $4 THEN 1 ELSE known.failures + 1 END, cardinality($3::float8[]))]),
                 '-infinity')
         WHERE known.free_at <= $2
         RETURNING failures"#,
        about.as_bytes(),
        now,
        &patience.waits() as &[Option<f64>],
        now - patience.forgotten_after,
    );
    Ok(counted.fetch_optional(db).await?)
}

/// Takes an attempt back that was right after all.
pub async fn uncount_guess(db: &mut PgConnection, about: Hash) -> Result<()> {
    sqlx::query!(
        "UPDATE guess SET failures = greatest(failures - 1, 0), free_at = '-infinity' WHERE about = $1",
        about.as_bytes(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets every failure.
pub async fn forget_guesses(db: &mut PgConnection, about: Hash) -> Result<()> {
    sqlx::query!("DELETE FROM guess WHERE about = $1", about.as_bytes()).execute(db).await?;
    Ok(())
}
