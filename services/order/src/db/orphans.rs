//! Orders that only others knew, and that were undone there.

use contracts::OrderId;
use database::Result;
use serde_json::Value;
use sqlx::PgConnection;

/// Writes down who has it undone, and what was found.
pub async fn insert_undone(db: &mut PgConnection, id: OrderId, by: &str, found: &Value) -> Result<()> {
    sqlx::query!("INSERT INTO orphan_undone (order_id, asked_by, found) VALUES ($1, $2, $3)", id.uuid(), by, found)
        .execute(db)
        .await?;
    Ok(())
}
