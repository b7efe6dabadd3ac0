//! `/v1/stock`: how much there is.

use axum::extract::State;
use contracts::Sku;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Keep, Page, Paging, Path, Query, contract};

use super::permissions::Read;
use crate::{App, db, domain::Stock, error::Error};

/// How much there is of a product.
#[derive(Serialize, ToSchema)]
pub struct StockLevel {
    sku: Sku,
    /// Pieces in the building.
    #[schema(minimum = 0, example = 24)]
    on_hand: i64,
    /// Pieces of them that are promised to orders.
    #[schema(minimum = 0, example = 3)]
    reserved: i64,
    /// Pieces that can still be sold: `on_hand - reserved`.
    #[schema(minimum = 0, example = 21)]
    available: i64,
    /// Rises with every change.
    #[schema(minimum = 0, example = 7)]
    version: i64,
}

/// Which products.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StockFilter {
    /// Those whose SKU begins with this.
    #[param(value_type = Option<String>, pattern = "^[A-Z0-9-]{0,32}$", max_length = 32)]
    #[serde(default)]
    prefix: Prefix,
}

/// The beginning of a SKU.
#[derive(Default, Deserialize)]
#[serde(try_from = "String")]
struct Prefix(String);

/// List stock, by SKU
#[utoipa::path(get, path = "/v1/stock", tag = "stock", operation_id = "listStock",
    params(StockFilter, Paging, ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    security(("oauth2" = ["inventory:read"])),
    responses((status = 200, description = "A page of stock levels.", body = Page<StockLevel>,
        headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The copy at hand is still right."), contract::Problems))]
pub async fn list(
    _: Allowed<Read>,
    State(app): State<App>,
    Query(filter): Query<StockFilter>,
    Query(paging): Query<Paging>,
) -> Result<(Keep, Json<Page<StockLevel>>), Error> {
    let after = paging.cursor::<Sku>()?;
    let mut db = app.pool.get().await?;
    let rows = db::list_stock(&mut db, &filter.prefix.0, after.as_ref(), paging.limit.rows()).await?;
    let levels = rows.into_iter().map(StockLevel::from).collect();
    Ok((Keep::Own, Json(Page::of(levels, paging.limit, |level| level.sku.to_string()))))
}

/// Show the stock of a product
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "stock", operation_id = "getStock",
    params(("sku" = Sku, Path, description = "The product."), ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    security(("oauth2" = ["inventory:read"])),
    responses((status = 200, description = "The stock level.", body = StockLevel,
        headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(
    _: Allowed<Read>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
) -> Result<(Keep, Json<StockLevel>), Error> {
    let mut db = app.pool.get().await?;
    let stock = db::find_stock(&mut db, &sku).await?.ok_or(Error::NoStock)?;
    Ok((Keep::Own, Json(stock.into())))
}

impl From<Stock> for StockLevel {
    fn from(stock: Stock) -> Self {
        let available = stock.available();
        let Stock { sku, on_hand, reserved, version } = stock;
        Self { sku, on_hand, reserved, available, version }
    }
}

impl TryFrom<String> for Prefix {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if text.len() <= 32 && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err("must be up to 32 characters of A-Z, 0-9 and '-'")
        }
    }
}
