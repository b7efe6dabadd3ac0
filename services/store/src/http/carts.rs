//! `/v1/carts`. A cart belongs to a customer; another's is not found.

use axum::http::{StatusCode, header};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contracts::{CartId, Currency};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Allowed, Json, Keep, Page, Paging, Path, Problem, Query,
    contract::{BodyProblems, Problems},
};

use super::{Read, Shop};
use crate::{
    App, db,
    domain::{Cart, CartSummary, Refusal},
    error::Result,
};

/// A cart to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCart {
    /// Every product in it is priced in this one.
    currency: Currency,
}

/// Take a cart
#[utoipa::path(
    post,
    path = "/v1/carts",
    tag = "carts",
    request_body = NewCart,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 201, description = "An empty cart of yours.", body = Cart,
         headers(("Location" = String, description = "Its address, relative to this one."))),
        Problems, BodyProblems
    )
)]
pub async fn create_cart(
    shopper: Allowed<Shop>,
    State(app): State<App>,
    Json(NewCart { currency }): Json<NewCart>,
) -> Result<Response> {
    let user = shopper.caller.require_user()?;
    let id = CartId::generate();
    db::carts::insert_cart(&mut *app.pool.single("create cart").await?, id, user, currency, app.clock.now()).await?;
    let cart = find(&mut *app.pool.get().await?, id, Some(user)).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("carts/{id}"))], Json(cart)).into_response())
}

/// List your carts
#[utoipa::path(
    get,
    path = "/v1/carts",
    tag = "carts",
    params(Paging),
    security(("oauth2" = ["store:read"])),
    responses((status = 200, description = "A page of your carts, latest first.", body = Page<CartSummary>), Problems)
)]
pub async fn list_carts(
    reader: Allowed<Read>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CartSummary>>> {
    let user = reader.caller.require_user()?;
    let after = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::carts::list_carts(&mut db, user, after, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |cart| cart.id.to_string())))
}

/// Look into a cart
///
/// Lines at today's prices, with a hint whether each could be bought now. Staff see everybody's.
#[utoipa::path(
    get,
    path = "/v1/carts/{id}",
    tag = "carts",
    params(("id" = CartId, Path, description = "Which cart."), ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "The cart.", body = Cart,
         headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, description = "`cart_not_found`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn get_cart(
    reader: Allowed<Read>,
    State(app): State<App>,
    Path(id): Path<CartId>,
) -> Result<(Keep, Json<Cart>)> {
    let mut db = app.pool.get().await?;
    Ok((Keep::Own, Json(find(&mut db, id, reader.caller.restricted_to()).await?)))
}

/// Throw a cart away
#[utoipa::path(
    delete,
    path = "/v1/carts/{id}",
    tag = "carts",
    params(("id" = CartId, Path, description = "Which cart.")),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 204, description = "Gone."),
        (status = 404, description = "`cart_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`cart_checked_out`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn delete_cart(shopper: Allowed<Shop>, State(app): State<App>, Path(id): Path<CartId>) -> Result<StatusCode> {
    let user = shopper.caller.require_user()?;
    let mut tx = app.pool.begin().await?;
    db::carts::lock_cart(&mut tx, id, user).await?.ok_or(Refusal::CartNotFound)?.change()?;
    db::carts::delete_cart(&mut tx, id).await?;
    tx.commit("delete cart").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The cart with its lines; of `owner` only, where one is given.
pub async fn find(db: &mut PgConnection, id: CartId, owner: Option<Uuid>) -> Result<Cart> {
    Ok(db::carts::find_cart(db, id, owner).await?.ok_or(Refusal::CartNotFound)??)
}
