//! Products: browse, find, edit.

use contracts::{Currency, Money, Sku};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Availability, Cursor, Draft, Filter, Key, Price, Product, SearchText, Slug, Sort, draft::Stored};

struct Row {
    sku: Sku,
    name: String,
    description: String,
    category: String,
    price: i64,
    currency: Currency,
    weight_grams: i32,
    withdrawn: bool,
    sold: i64,
    version: i64,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
    available: Option<i64>,
    stock_version: Option<i64>,
}

impl From<Row> for Product {
    fn from(row: Row) -> Self {
        Self {
            picture: format!("/v1/products/{}/picture", row.sku),
            sku: row.sku,
            name: row.name,
            description: row.description,
            category: row.category,
            price: Money::new(row.price, row.currency),
            weight_grams: row.weight_grams,
            withdrawn: row.withdrawn,
            availability: Availability::said(row.available.zip(row.stock_version)),
            version: row.version,
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

/// A product with the place it takes in the order it was listed in.
pub struct Listed {
    /// Where the page after this product begins.
    pub cursor: Cursor,
    /// The product.
    pub product: Product,
}

impl Row {
    fn listed(self, sort: Sort) -> Listed {
        let key = match sort {
            Sort::Name => Key::Name(self.name.clone()),
            Sort::Price => Key::Price(self.price),
            Sort::Newest => Key::Newest(self.created_at),
            Sort::Popular => Key::Popular(self.sold),
        };
        Listed { cursor: Cursor(key, self.sku.clone()), product: self.into() }
    }
}

/// Up to `limit` products that fit `filter`, from `after` on in the order of `sort`.
pub async fn list_products(
    db: &mut PgConnection,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: i64,
) -> database::Result<Vec<Listed>> {
    let place = Place::of(after);
    // The planner folds each `case` on a parameter to the one branch that is meant, and then uses that branch's index.
    let rows = sqlx::query_as!(
        Row,
        r#"select p.sku as "sku: Sku", p.name, p.description, p.category, p.price, p.currency as "currency: Currency",
             p.weight_grams, p.withdrawn, p.sold, p.version, p.created_at, p.changed_at,
             stock.available as "available?", stock.version as "stock_version?"
           from product p left join availability stock on stock.sku = p.sku
           where p.withdrawn = $1
             and ($2::text is null or p.category in (
               with recursive within as (
                 select slug from category where slug = $2
                 union select category.slug from category join within on category.parent = within.slug)
               select slug from within))
             and ($3::text is null or p.currency = $3)
             and ($4::bigint is null or p.price >= $4)
             and ($5::bigint is null or p.price <= $5)
             and (not $6::bool or stock.available > 0)
             and ($7::text is null or p.search @@ websearch_to_tsquery('english', $7))
             and ($9::text is null or case $8::text
               when 'name' then (p.name, p.sku) > ($10::text, $9)
               when 'price' then (p.price, p.sku) > ($11::bigint, $9)
               when 'popular' then (p.sold, p.sku) < ($11, $9)
               else (p.created_at, p.sku) < ($12::timestamptz, $9) end)
           order by case when $8 = 'name' then p.name end,
             case when $8 = 'price' then p.price end,
             case when $8 = 'popular' then p.sold end desc,
             case when $8 = 'newest' then p.created_at end desc,
             case when $8 in ('popular', 'newest') then p.sku end desc,
             p.sku
           limit $13"#,
        filter.withdrawn,
        filter.category.as_ref().map(Slug::as_str),
        filter.currency.map(Currency::code),
        filter.price_min,
        filter.price_max,
        filter.available,
        filter.search.as_ref().map(SearchText::as_str),
        sort.word(),
        place.sku,
        place.name,
        place.number,
        place.time,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.listed(sort)).collect())
}

// A cursor in the types of the columns.
#[derive(Default)]
struct Place<'a> {
    sku: Option<&'a str>,
    name: Option<&'a str>,
    number: Option<i64>,
    time: Option<OffsetDateTime>,
}

impl<'a> Place<'a> {
    fn of(cursor: Option<&'a Cursor>) -> Self {
        let Some(Cursor(key, sku)) = cursor else { return Self::default() };
        let place = Self { sku: Some(sku.as_str()), ..Self::default() };
        match key {
            Key::Name(name) => Self { name: Some(name.as_str()), ..place },
            Key::Price(number) | Key::Popular(number) => Self { number: Some(*number), ..place },
            Key::Newest(time) => Self { time: Some(*time), ..place },
        }
    }
}

/// A product with what is known of its stock.
pub async fn find_product(db: &mut PgConnection, sku: &Sku) -> database::Result<Option<Product>> {
    let row = sqlx::query_as!(
        Row,
        r#"select p.sku as "sku: Sku", p.name, p.description, p.category, p.price, p.currency as "currency: Currency",
             p.weight_grams, p.withdrawn, p.sold, p.version, p.created_at, p.changed_at,
             stock.available as "available?", stock.version as "stock_version?"
           from product p left join availability stock on stock.sku = p.sku
           where p.sku = $1"#,
        sku.as_str()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Into::into))
}

/// What an edit of the product must respect, locked until the transaction ends.
pub async fn lock_product(db: &mut PgConnection, sku: &Sku) -> database::Result<Option<Stored>> {
    let row = sqlx::query_as!(
        Stored,
        r#"select currency as "currency: Currency", withdrawn, version from product where sku = $1 for no key update"#,
        sku.as_str()
    );
    Ok(row.fetch_optional(db).await?)
}

/// Adds a product; `false` if there is one with this SKU already.
pub async fn insert_product(
    db: &mut PgConnection,
    sku: &Sku,
    draft: &Draft,
    now: OffsetDateTime,
) -> database::Result<bool> {
    let price = draft.price.money();
    let done = sqlx::query!(
        "insert into product (sku, name, description, category, price, currency, weight_grams, created_at, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict (sku) do nothing",
        sku.as_str(),
        draft.name.as_str(),
        draft.description.as_str(),
        draft.category.as_str(),
        price.amount,
        price.currency.code(),
        draft.weight_grams.grams(),
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes all that staff may write of a locked product.
pub async fn replace_product(
    db: &mut PgConnection,
    sku: &Sku,
    draft: &Draft,
    now: OffsetDateTime,
) -> database::Result<()> {
    sqlx::query!(
        "update product set name = $2, description = $3, category = $4, price = $5, weight_grams = $6,
           version = version + 1, changed_at = $7
         where sku = $1",
        sku.as_str(),
        draft.name.as_str(),
        draft.description.as_str(),
        draft.category.as_str(),
        draft.price.money().amount,
        draft.weight_grams.grams(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the price of a locked product.
pub async fn set_price(db: &mut PgConnection, sku: &Sku, price: Price, now: OffsetDateTime) -> database::Result<()> {
    sqlx::query!(
        "update product set price = $2, version = version + 1, changed_at = $3 where sku = $1",
        sku.as_str(),
        price.money().amount,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a locked product off sale, or puts it back.
pub async fn set_withdrawn(
    db: &mut PgConnection,
    sku: &Sku,
    withdrawn: bool,
    now: OffsetDateTime,
) -> database::Result<()> {
    sqlx::query!(
        "update product set withdrawn = $2, version = version + 1, changed_at = $3 where sku = $1",
        sku.as_str(),
        withdrawn,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
