//! What inventory announced: how much of each product can still be sold.

use contracts::Sku;
use sqlx::PgConnection;

/// Notes what inventory says; what is older than the word already noted changes nothing.
pub async fn note_availability(db: &mut PgConnection, sku: &Sku, available: i64, version: i64) -> database::Result<()> {
    sqlx::query!(
        "insert into availability (sku, available, version) values ($1, $2, $3)
         on conflict (sku) do update set available = excluded.available, version = excluded.version
         where availability.version < excluded.version",
        sku.as_str(),
        available,
        version,
    )
    .execute(db)
    .await?;
    Ok(())
}
