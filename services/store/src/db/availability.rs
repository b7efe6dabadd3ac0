//! What other services announced: stock and sales.

use contracts::{OrderId, Sku};
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

/// Adds sold pieces to each product, once for an order: what was announced again, under whatever name, adds nothing.
pub async fn count_sold(db: &mut PgConnection, order_id: OrderId, sold: &[(&Sku, i64)]) -> database::Result<()> {
    let skus: Vec<String> = sold.iter().map(|(sku, _)| sku.to_string()).collect();
    let pieces: Vec<i64> = sold.iter().map(|(_, pieces)| *pieces).collect();
    // Locked in the order of the SKUs, so that two orders for the same products wait instead of deadlocking.
    sqlx::query!(
        r#"with counted as (
             insert into sale (order_id) values ($1) on conflict do nothing returning order_id
           ), line as (
             select sku, sum(pieces)::bigint as pieces from unnest($2::text[], $3::bigint[]) as line (sku, pieces), counted
             group by sku
           ), locked as (
             select product.sku, line.pieces from product join line using (sku) order by product.sku for no key update of product
           )
           update product set sold = sold + locked.pieces from locked where product.sku = locked.sku"#,
        order_id.uuid(),
        &skus,
        &pieces,
    )
    .execute(db)
    .await?;
    Ok(())
}
