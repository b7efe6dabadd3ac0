//! Table `stock`.

use contracts::Sku;
use database::Result;
use sqlx::PgConnection;

use crate::domain::Stock;

/// The stock of a product.
pub async fn find_stock(db: &mut PgConnection, sku: &Sku) -> Result<Option<Stock>> {
    let row = sqlx::query_as!(
        Stock,
        r#"select sku as "sku: Sku", on_hand, reserved, version from stock where sku = $1"#,
        sku.as_str()
    )
    .fetch_optional(db)
    .await?;
    Ok(row)
}

/// Up to `rows` products whose SKU begins with `prefix`, by SKU, beginning after `after`.
pub async fn list_stock(db: &mut PgConnection, prefix: &str, after: Option<&Sku>, rows: i64) -> Result<Vec<Stock>> {
    // No SKU holds '~', and it sorts after all that one may hold: a prefix is a range of the primary key.
    let found = sqlx::query_as!(
        Stock,
        r#"select sku as "sku: Sku", on_hand, reserved, version from stock
           where sku >= $1 and sku < $1 || '~' and sku > $2
           order by sku limit $3"#,
        prefix,
        after.map_or("", Sku::as_str),
        rows
    )
    .fetch_all(db)
    .await?;
    Ok(found)
}

/// Takes the rows of these products, in the order of their SKUs. Products that inventory never had are left out.
pub async fn lock_stock(db: &mut PgConnection, skus: &[&str]) -> Result<Vec<Stock>> {
    // Not FOR UPDATE: the foreign keys of lines and movements may be checked meanwhile.
    let rows = sqlx::query_as!(
        Stock,
        r#"select sku as "sku: Sku", on_hand, reserved, version from stock
           where sku = any($1) order by sku for no key update"#,
        skus as _
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Makes room for a product, with nothing on the shelf; false if there is room for it already.
pub async fn insert_stock(db: &mut PgConnection, sku: &Sku) -> Result<bool> {
    let done =
        sqlx::query!("insert into stock (sku) values ($1) on conflict do nothing", sku.as_str()).execute(db).await?;
    Ok(done.rows_affected() == 1)
}
