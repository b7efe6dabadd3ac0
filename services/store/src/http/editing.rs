//! `/v1/products/{sku}`: what staff change. Every change is announced in the transaction that makes it.

use axum::http::{HeaderMap, StatusCode, header};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contracts::Sku;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{
    Allowed, Json, Path, Problem,
    contract::{BodyProblems, Problems},
};

use super::{Edit, conditional};
use crate::{
    App, db,
    domain::{Draft, Expected, Price, Product, Refusal, draft::Stored},
    error::Result,
};

/// Add or replace a product
///
/// `If-None-Match: *` only adds; `If-Match` with the entity tag last seen only replaces, and only if nobody else has
/// edited the product since. What inventory and sales change does not count as an edit.
#[utoipa::path(
    put,
    path = "/v1/products/{sku}",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-Match" = Option<String>, Header, description = "Entity tag last seen, or `*`."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be no such product yet."),
    ),
    request_body = Draft,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "Replaced.", body = Product, headers(("ETag" = String, description = "The new tag."))),
        (status = 201, description = "Added.", body = Product, headers(("ETag" = String, description = "Its tag."))),
        (status = 409, description = "`currency_fixed`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`version_mismatch`", body = Problem, content_type = "application/problem+json"),
        Problems, BodyProblems
    )
)]
pub async fn put_product(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    headers: HeaderMap,
    Json(draft): Json<Draft>,
) -> Result<Response> {
    let expected = conditional::expected(&headers);
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let added = expected.allows_creation() && db::products::insert_product(&mut tx, &sku, &draft, now).await?;
    if !added {
        let stored = db::products::lock_product(&mut tx, &sku).await?.ok_or(Refusal::VersionMismatch)?;
        stored.expect(&expected)?;
        stored.take_price(draft.price.money())?;
        db::products::replace_product(&mut tx, &sku, &draft, now).await?;
    }
    let product = announce(&mut tx, &sku, now).await?;
    tx.commit("edit product").await?;
    Ok((if added { StatusCode::CREATED } else { StatusCode::OK }, tagged(product)).into_response())
}

/// A new price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrice {
    /// More than zero, in the currency the product was created with.
    #[schema(schema_with = Price::schema)]
    price: Price,
}

/// Change the price
///
/// Carts show it at once; checkouts already made keep theirs.
#[utoipa::path(
    put,
    path = "/v1/products/{sku}/price",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-Match" = Option<String>, Header, description = "Entity tag last seen, or `*`."),
    ),
    request_body = NewPrice,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "Changed.", body = Product, headers(("ETag" = String, description = "The new tag."))),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`currency_fixed`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`version_mismatch`", body = Problem, content_type = "application/problem+json"),
        Problems, BodyProblems
    )
)]
pub async fn put_price(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    headers: HeaderMap,
    Json(NewPrice { price }): Json<NewPrice>,
) -> Result<Response> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let stored = lock(&mut tx, &sku, &conditional::expected(&headers)).await?;
    stored.take_price(price.money())?;
    db::products::set_price(&mut tx, &sku, price, now).await?;
    let product = announce(&mut tx, &sku, now).await?;
    tx.commit("change price").await?;
    Ok(tagged(product))
}

/// Withdraw a product
///
/// It is no longer listed and no cart with it can be checked out. Asking twice changes nothing.
#[utoipa::path(
    post,
    path = "/v1/products/{sku}/withdrawal",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-Match" = Option<String>, Header, description = "Entity tag last seen, or `*`."),
    ),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "Withdrawn.", body = Product, headers(("ETag" = String, description = "The tag."))),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`version_mismatch`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn withdraw_product(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    headers: HeaderMap,
) -> Result<Response> {
    set_withdrawn(&app, &sku, &conditional::expected(&headers), true).await
}

/// Put a withdrawn product back on sale
///
/// Asking twice changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/products/{sku}/withdrawal",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-Match" = Option<String>, Header, description = "Entity tag last seen, or `*`."),
    ),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "On sale.", body = Product, headers(("ETag" = String, description = "The tag."))),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`version_mismatch`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn restore_product(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    headers: HeaderMap,
) -> Result<Response> {
    set_withdrawn(&app, &sku, &conditional::expected(&headers), false).await
}

async fn set_withdrawn(app: &App, sku: &Sku, expected: &Expected, withdrawn: bool) -> Result<Response> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    if lock(&mut tx, sku, expected).await?.withdrawn == withdrawn {
        return Ok(tagged(find(&mut tx, sku).await?));
    }
    db::products::set_withdrawn(&mut tx, sku, withdrawn, now).await?;
    let product = announce(&mut tx, sku, now).await?;
    tx.commit("change withdrawal").await?;
    Ok(tagged(product))
}

async fn lock(tx: &mut PgConnection, sku: &Sku, expected: &Expected) -> Result<Stored> {
    let found = db::products::lock_product(tx, sku).await?;
    let stored = found.ok_or_else(|| Refusal::ProductNotFound { sku: sku.clone() })?;
    stored.expect(expected)?;
    Ok(stored)
}

async fn find(tx: &mut PgConnection, sku: &Sku) -> Result<Product> {
    let found = db::products::find_product(tx, sku).await?;
    Ok(found.ok_or_else(|| Refusal::ProductNotFound { sku: sku.clone() })?)
}

async fn announce(tx: &mut PgConnection, sku: &Sku, now: OffsetDateTime) -> Result<Product> {
    let product = find(tx, sku).await?;
    messaging::announce(tx, &product.changed(), now).await?;
    Ok(product)
}

fn tagged(product: Product) -> Response {
    ([(header::ETAG, format!("\"{}\"", product.tag()))], Json(product)).into_response()
}
