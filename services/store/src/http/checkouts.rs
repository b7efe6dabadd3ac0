//! `/v1/checkouts/{order_id}`: an order takes a cart, or gives it back. The order names the resource, so asking twice
//! has one effect, and an undo that comes first is remembered.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::OrderId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::{
    Allowed, Json, Page, Paging, Path, Problem, Query,
    contract::{BodyProblems, Problems},
};

use super::{Audit, CheckOut};
use crate::{
    App, db,
    domain::{Checkout, CheckoutRequest, Refusal, Snapshot, cart, checkout},
    error::Result,
};

/// Check out a cart for an order
///
/// Fixes the prices of this moment and closes the cart. The same request again gets the same answer.
#[utoipa::path(
    put,
    path = "/v1/checkouts/{order_id}",
    tag = "checkouts",
    params(("order_id" = OrderId, Path, description = "For which order.")),
    request_body = CheckoutRequest,
    security(("oauth2" = ["store:checkout"])),
    responses(
        (status = 200, description = "The cart as the order took it.", body = Snapshot),
        (status = 404, description = "`cart_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "`cart_empty`, `cart_checked_out` (by another order), `product_withdrawn`, `checkout_reopened` \
                        (the undo came first), `conflicting_request`"),
        Problems, BodyProblems
    )
)]
pub async fn put_checkout(
    _: Allowed<CheckOut>,
    State(app): State<App>,
    Path(order): Path<OrderId>,
    Json(request): Json<CheckoutRequest>,
) -> Result<Json<Snapshot>> {
    let mut tx = app.pool.begin().await?;
    if let Some(snapshot) = take_cart(&mut tx, order, request, app.clock.now()).await? {
        tx.commit("check out cart").await?;
        return Ok(Json(snapshot));
    }
    drop(tx);
    Ok(Json(after_others(&mut *app.pool.get().await?, order, request).await?))
}

// `None` if somebody else was faster, or there is no such cart.
async fn take_cart(
    tx: &mut PgConnection,
    order: OrderId,
    request: CheckoutRequest,
    now: OffsetDateTime,
) -> Result<Option<Snapshot>> {
    if let Some(checkout) = db::checkouts::find_checkout(tx, order).await? {
        return Ok(Some(checkout.answer(request)?));
    }
    if !db::carts::check_out_cart(tx, request.cart_id, request.customer_id, now).await? {
        return Ok(None);
    }
    let offers = db::lines::list_offers(tx, request.cart_id, cart::MAX_LINES).await?;
    let snapshot = checkout::take(order, request.cart_id, offers)?;
    let kept = db::checkouts::insert_checkout(tx, request, &snapshot, now).await?;
    Ok(kept.then_some(snapshot))
}

async fn after_others(db: &mut PgConnection, order: OrderId, request: CheckoutRequest) -> Result<Snapshot> {
    if let Some(checkout) = db::checkouts::find_checkout(db, order).await? {
        return Ok(checkout.answer(request)?);
    }
    let exists = db::carts::cart_exists(db, request.cart_id, request.customer_id).await?;
    Err(if exists { Refusal::CartCheckedOut.into() } else { Refusal::CartNotFound.into() })
}

/// Undo a checkout
///
/// The cart is open again. Where nothing was checked out yet this is remembered, and a checkout that comes later is
/// refused with `checkout_reopened`.
#[utoipa::path(
    delete,
    path = "/v1/checkouts/{order_id}",
    tag = "checkouts",
    params(("order_id" = OrderId, Path, description = "For which order.")),
    security(("oauth2" = ["store:checkout"])),
    responses((status = 204, description = "The order holds no cart, now and later."), Problems)
)]
pub async fn delete_checkout(
    _: Allowed<CheckOut>,
    State(app): State<App>,
    Path(order): Path<OrderId>,
) -> Result<StatusCode> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    if let Some(cart) = db::checkouts::undo_checkout(&mut tx, order, now).await? {
        db::carts::reopen_cart(&mut tx, cart, now).await?;
    }
    tx.commit("reopen cart").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at a checkout
#[utoipa::path(
    get,
    path = "/v1/checkouts/{order_id}",
    tag = "checkouts",
    params(("order_id" = OrderId, Path, description = "For which order.")),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "The checkout.", body = Checkout),
        (status = 404, description = "`checkout_not_found`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn get_checkout(
    _: Allowed<Audit>,
    State(app): State<App>,
    Path(order): Path<OrderId>,
) -> Result<Json<Checkout>> {
    let mut db = app.pool.get().await?;
    Ok(Json(db::checkouts::find_checkout(&mut db, order).await?.ok_or(Refusal::CheckoutNotFound)?))
}

/// List checkouts
#[utoipa::path(
    get,
    path = "/v1/checkouts",
    tag = "checkouts",
    params(Paging),
    security(("oauth2" = ["store:read"])),
    responses((status = 200, description = "A page of checkouts, latest order first.", body = Page<Checkout>), Problems)
)]
pub async fn list_checkouts(
    _: Allowed<Audit>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Checkout>>> {
    let after = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::checkouts::list_checkouts(&mut db, after, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |checkout| checkout.order_id.to_string())))
}
