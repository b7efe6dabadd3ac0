//! Which orders count as sold, and how many pieces of each product that makes.

use std::collections::BTreeMap;

use contracts::OrderId;
use sqlx::{PgConnection, types::Json};

/// Pieces by SKU.
pub type Sold = BTreeMap<String, i64>;

/// Notes that an order is sold; `false` if it was noted before, as sold or as cancelled.
pub async fn insert_sale(db: &mut PgConnection, order: OrderId, sold: &Sold) -> database::Result<bool> {
    let done = sqlx::query!(
        "insert into sale (order_id, lines, cancelled) values ($1, $2, false) on conflict (order_id) do nothing",
        order.uuid(),
        Json(sold) as _,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Notes that an order is cancelled. Answers what it counted as sold until now; none if it did not count. A program from
/// before there were `lines` may have counted it without them: then the checkout tells.
pub async fn cancel_sale(db: &mut PgConnection, order: OrderId) -> database::Result<Option<Sold>> {
    let cancelled = sqlx::query_scalar!(
        r#"insert into sale (order_id, cancelled) values ($1, true)
           on conflict (order_id) do update set cancelled = true, lines = coalesce(sale.lines, (
               select jsonb_object_agg(line->>'sku', line->'quantity')
               from checkout, jsonb_array_elements(snapshot->'lines') as line where checkout.order_id = sale.order_id))
           where not sale.cancelled
           returning lines as "lines: Json<Sold>""#,
        order.uuid(),
    );
    Ok(cancelled.fetch_optional(db).await?.flatten().map(|lines| lines.0))
}

/// Adds what is sold to each product (`times` 1), or takes it back (-1).
pub async fn add_sold(db: &mut PgConnection, sold: &Sold, times: i64) -> database::Result<()> {
    let (skus, pieces): (Vec<_>, Vec<_>) = sold.iter().map(|(sku, pieces)| (sku.clone(), pieces * times)).unzip();
    // A product that came into the catalogue after it was sold has nothing to give back.
    // Locked in the order of the SKUs, so that two orders for the same products wait instead of deadlocking.
    sqlx::query!(
        r#"with sale as (
             select sku, pieces from unnest($1::text[], $2::bigint[]) as line (sku, pieces)
           ), locked as (
             select product.sku, sale.pieces from product join sale using (sku) order by product.sku for no key update of product
           )
           update product set sold = greatest(sold + locked.pieces, 0) from locked where product.sku = locked.sku"#,
        &skus,
        &pieces,
    )
    .execute(db)
    .await?;
    Ok(())
}
