//! `/v1/products`: browsing.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use contracts::{Currency, Sku};
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Allowed, Json, Keep, Page, Paging, Path, Problem, Query, contract::Problems};

use super::Read;
use crate::{
    App, db,
    domain::{Cursor, Filter, Product, Refusal, SearchText, Slug, Sort},
    error::{Error, Result},
};

/// Everybody sees the same catalogue. Prices and stock in it are hints: a cart shows today's, an order fixes them.
pub const CATALOGUE: Keep = Keep::Public { fresh: 5, while_asking: 10, on_error: 600 };

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Browse {
    /// Only in this category or one below it.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9-]{1,40}$")]
    category: Option<Slug>,
    /// Only priced in this currency. Where prices are compared and nothing is said, EUR.
    currency: Option<Currency>,
    /// Only from this price on, in minor units.
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Only up to this price, in minor units.
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// Only what is on the shelf.
    #[serde(default)]
    #[param(default = false)]
    available: bool,
    /// Withdrawn products instead of those on sale.
    #[serde(default)]
    #[param(default = false)]
    withdrawn: bool,
    /// Words to find in name, SKU and description; `"in this order"`, `or` and `-without` are understood.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    q: Option<SearchText>,
    /// The order of the list; by name unless told.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

impl Browse {
    fn filter(self) -> Result<Filter> {
        let bounds = [("price_min", self.price_min), ("price_max", self.price_max)];
        if let Some((field, _)) = bounds.iter().find(|(_, bound)| bound.is_some_and(|amount| amount < 0)) {
            return Err(invalid(field, "must not be negative"));
        }
        let prices_compared = self.sort == Sort::Price || bounds.iter().any(|(_, bound)| bound.is_some());
        Ok(Filter {
            category: self.category,
            currency: self.currency.or(prices_compared.then_some(Currency::Eur)),
            price_min: self.price_min,
            price_max: self.price_max,
            available: self.available,
            withdrawn: self.withdrawn,
            search: self.q,
        })
    }
}

/// Browse the catalogue
///
/// Pages stay right while products are added: `next` names a place in the order, not a number of rows.
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "products",
    params(
        Browse,
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many items at the most; 20 unless told."),
        // Longer than other cursors: it may hold a name of 120 characters of four bytes each.
        ("after" = Option<String>, Query, max_length = 1000, description = "Where to go on: `next` of the page before."),
        ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand."),
    ),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "A page of products.", body = Page<Product>,
         headers(("ETag" = String, description = "For `If-None-Match`."), ("Cache-Control" = String, description = "Some seconds, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        Problems
    )
)]
pub async fn list_products(
    _: Allowed<Read>,
    State(app): State<App>,
    Query(browse): Query<Browse>,
    Query(paging): Query<Paging>,
) -> Result<(Keep, Json<Page<Product>>)> {
    let sort = browse.sort;
    let after = paging.after.map(|text| Cursor::decode(&text, sort)).transpose();
    let after = after.map_err(|error| invalid("after", &error.to_string()))?;
    let filter = browse.filter()?;
    let mut db = app.pool.get().await?;
    let rows = db::products::list_products(&mut db, &filter, sort, after.as_ref(), paging.limit.rows()).await?;
    let page = Page::of(rows, paging.limit, |listed| listed.cursor.encode());
    let items = page.items.into_iter().map(|listed| listed.product).collect();
    Ok((CATALOGUE, Json(Page { items, next: page.next })))
}

fn invalid(field: &str, message: &str) -> Error {
    let title = "The query string is not as the contract says";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", title).field(field, message).into()
}

/// Look at a product
///
/// The entity tag changes with the product and with its availability.
#[utoipa::path(
    get,
    path = "/v1/products/{sku}",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand."),
    ),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "The product.", body = Product,
         headers(("ETag" = String, description = "Version and word of inventory; for `If-Match` and `If-None-Match`."),
                 ("Cache-Control" = String, description = "Some seconds, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn get_product(
    _: Allowed<Read>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
) -> Result<(Keep, [(HeaderName, String); 1], Json<Product>)> {
    let mut db = app.pool.get().await?;
    let product = db::products::find_product(&mut db, &sku).await?.ok_or(Refusal::ProductNotFound { sku })?;
    let tag = format!("\"{}\"", product.tag());
    Ok((CATALOGUE, [(header::ETAG, tag)], Json(product)))
}
