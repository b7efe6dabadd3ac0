//! Categories.

use sqlx::PgConnection;

use crate::domain::Category;

/// Up to `limit` categories after `after`, with the number of products on sale in and below each.
pub async fn list_categories(
    db: &mut PgConnection,
    after: Option<&str>,
    limit: i64,
) -> database::Result<Vec<Category>> {
    let rows = sqlx::query_as!(
        Category,
        r#"with recursive page as (
             select slug, name, parent from category where $1::text is null or slug > $1 order by slug limit $2
           ), within (top, slug) as (
             select slug, slug from page
             union
             select within.top, category.slug from within join category on category.parent = within.slug
           )
           select page.slug, page.name, page.parent, count(product.sku) as "products!"
           from page
           join within on within.top = page.slug
           left join product on product.category = within.slug and not product.withdrawn
           group by page.slug, page.name, page.parent
           order by page.slug"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Adds a category below its parent; one that exists stays as it is.
pub async fn insert_category(db: &mut PgConnection, category: (&str, &str, Option<&str>)) -> database::Result<()> {
    let (slug, name, parent) = category;
    sqlx::query!(
        "insert into category (slug, name, parent) values ($1, $2, $3) on conflict (slug) do nothing",
        slug,
        name,
        parent
    )
    .execute(db)
    .await?;
    Ok(())
}
