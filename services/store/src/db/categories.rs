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

/// A category, counted as in the list.
pub async fn find_category(db: &mut PgConnection, slug: &str) -> database::Result<Option<Category>> {
    let row = sqlx::query_as!(
        Category,
        r#"with recursive within (slug) as (
             select slug from category where slug = $1
             union
             select category.slug from within join category on category.parent = within.slug
           )
           select slug, name, parent, (
             select count(*) from product where category in (select slug from within) and not withdrawn
           ) as "products!"
           from category where slug = $1"#,
        slug,
    );
    Ok(row.fetch_optional(db).await?)
}

/// Adds a category below its parent; `false` if there is one, which stays as it is.
pub async fn insert_category(db: &mut PgConnection, category: (&str, &str, Option<&str>)) -> database::Result<bool> {
    let (slug, name, parent) = category;
    let done = sqlx::query!(
        "insert into category (slug, name, parent) values ($1, $2, $3) on conflict (slug) do nothing",
        slug,
        name,
        parent
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Lets one edit after the other move categories: two that are each in order may close a circle together. Products are
/// edited meanwhile.
pub async fn lock_tree(db: &mut PgConnection) -> database::Result<()> {
    sqlx::query!("lock table category in share row exclusive mode").execute(db).await?;
    Ok(())
}

/// Whether `slug` is `top` or below it.
pub async fn is_within(db: &mut PgConnection, slug: &str, top: &str) -> database::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"with recursive above as (
             select slug, parent from category where slug = $1
             union
             select category.slug, category.parent from category join above on category.slug = above.parent
           )
           select exists (select from above where slug = $2) as "found!""#,
        slug,
        top,
    );
    Ok(found.fetch_one(db).await?)
}

/// Gives a category another name and place; `false` without it.
pub async fn update_category(
    db: &mut PgConnection,
    slug: &str,
    name: &str,
    parent: Option<&str>,
) -> database::Result<bool> {
    let done = sqlx::query!("update category set name = $2, parent = $3 where slug = $1", slug, name, parent);
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Removes a category; `false` without it. Fails by constraint while something is part of it.
pub async fn delete_category(db: &mut PgConnection, slug: &str) -> database::Result<bool> {
    let done = sqlx::query!("delete from category where slug = $1", slug);
    Ok(done.execute(db).await?.rows_affected() == 1)
}
