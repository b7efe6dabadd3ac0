//! Pictures of products, as SVG.

use contracts::Sku;
use sqlx::PgConnection;

/// The drawing of a product: outside `None` without the product, inside `None` without a drawing.
pub async fn find_picture(db: &mut PgConnection, sku: &Sku) -> database::Result<Option<Option<String>>> {
    let found = sqlx::query_scalar!(
        r#"select picture.svg as "svg?" from product left join picture using (sku) where product.sku = $1"#,
        sku.as_str()
    );
    Ok(found.fetch_optional(db).await?)
}

/// Puts a drawing on a product that has none.
pub async fn insert_picture(db: &mut PgConnection, sku: &Sku, svg: &str) -> database::Result<()> {
    sqlx::query!("insert into picture (sku, svg) values ($1, $2) on conflict (sku) do nothing", sku.as_str(), svg)
        .execute(db)
        .await?;
    Ok(())
}
