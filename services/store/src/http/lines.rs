//! `/v1/carts/{id}/lines/{sku}`.

use axum::extract::State;
use contracts::{CartId, Quantity, Sku};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{
    Allowed, Json, Path, Problem,
    contract::{BodyProblems, Problems},
};

use super::{Shop, carts::find};
use crate::{
    App, db,
    domain::{Cart, Refusal},
    error::Result,
};

/// How much of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    quantity: Quantity,
}

/// Put a product into a cart
///
/// So many pieces, instead of those it holds. Asking twice changes nothing.
#[utoipa::path(
    put,
    path = "/v1/carts/{id}/lines/{sku}",
    tag = "carts",
    params(("id" = CartId, Path, description = "Which cart."), ("sku" = Sku, Path, description = "Which product.")),
    request_body = NewLine,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "The cart as it is now.", body = Cart),
        (status = 404, description = "`cart_not_found`, `product_not_found`", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "`cart_checked_out`, `cart_full`, `product_withdrawn`, `currency_mismatch`",
         body = Problem, content_type = "application/problem+json"),
        Problems, BodyProblems
    )
)]
pub async fn put_line(
    shopper: Allowed<Shop>,
    State(app): State<App>,
    Path((id, sku)): Path<(CartId, Sku)>,
    Json(NewLine { quantity }): Json<NewLine>,
) -> Result<Json<Cart>> {
    let user = shopper.caller.require_user()?;
    let mut tx = app.pool.begin().await?;
    let head = db::carts::lock_cart(&mut tx, id, user).await?.ok_or(Refusal::CartNotFound)?;
    let found = db::lines::find_candidate(&mut tx, id, &sku).await?;
    head.admit(&found.ok_or_else(|| Refusal::ProductNotFound { sku: sku.clone() })?)?;
    db::lines::put_line(&mut tx, id, &sku, quantity, app.clock.now()).await?;
    let cart = find(&mut tx, id, Some(user)).await?;
    tx.commit("put line").await?;
    Ok(Json(cart))
}

/// Take a product out of a cart
///
/// Asking twice changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/carts/{id}/lines/{sku}",
    tag = "carts",
    params(("id" = CartId, Path, description = "Which cart."), ("sku" = Sku, Path, description = "Which product.")),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "The cart as it is now.", body = Cart),
        (status = 404, description = "`cart_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`cart_checked_out`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn delete_line(
    shopper: Allowed<Shop>,
    State(app): State<App>,
    Path((id, sku)): Path<(CartId, Sku)>,
) -> Result<Json<Cart>> {
    let user = shopper.caller.require_user()?;
    let mut tx = app.pool.begin().await?;
    db::carts::lock_cart(&mut tx, id, user).await?.ok_or(Refusal::CartNotFound)?.change()?;
    db::lines::delete_line(&mut tx, id, &sku, app.clock.now()).await?;
    let cart = find(&mut tx, id, Some(user)).await?;
    tx.commit("delete line").await?;
    Ok(Json(cart))
}
