//! `/v1/stock/{sku}/receipts`, `/adjustments` and `/movements`: what changes the stock, and the journal of it.

use axum::{extract::State, http::StatusCode};
use contracts::Sku;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Allowed, Caller, Json, Page, Paging, Path, Query, contract};

use super::permissions::{Audit, Write};
use crate::{
    App, db,
    domain::{Cause, Change, Difference, Kind, Movement, Pieces, Reason, Reference, Stock},
    error::Error,
    events,
};

/// Goods that arrived.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// How many pieces.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000_000, example = 24)]
    quantity: Pieces,
    /// What names the receipt, e.g. the number on the delivery note. The same again counts once.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "DN-4711")]
    reference: Reference,
}

/// What somebody found when counting.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// How many pieces more (positive) or fewer (negative); not 0.
    #[schema(value_type = i64, minimum = -1_000_000, maximum = 1_000_000, example = -2)]
    quantity: Difference,
    /// Why, for the auditor.
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "two broken in the rack")]
    reason: Reason,
    /// What names the adjustment. The same again counts once; without it, every request counts.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "COUNT-2026-11")]
    reference: Option<Reference>,
}

/// Receive goods
///
/// For staff. A product that inventory never had is new on the shelf. The same reference again answers the same movement; with
/// another quantity it is refused.
#[utoipa::path(post, path = "/v1/stock/{sku}/receipts", tag = "movements", operation_id = "receiveStock",
    params(("sku" = Sku, Path, description = "The product.")), request_body = Receipt,
    security(("oauth2" = ["inventory:write"])),
    responses((status = 201, description = "The movement.", body = Movement),
        (status = 409, response = contract::Conflict), contract::Problems, contract::BodyProblems))]
pub async fn receive(
    allowed: Allowed<Write>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    Json(Receipt { quantity, reference }): Json<Receipt>,
) -> Result<(StatusCode, Json<Movement>), Error> {
    let (now, cause) = (app.clock.now(), Cause::Receipt { reference });
    let mut tx = app.pool.begin().await?;
    db::insert_stock(&mut tx, &sku).await?;
    let stock = lock(&mut tx, &sku).await?;
    if let Some(before) = find_earlier(&mut tx, &sku, Kind::Received, &cause).await? {
        return Ok((StatusCode::CREATED, Json(before.asked_again(quantity.get(), &cause)?)));
    }
    let movement = save(&mut tx, stock.receive(quantity), &cause, &allowed.caller, now).await?;
    tx.commit("receive stock").await?;
    Ok((StatusCode::CREATED, Json(movement)))
}

/// Adjust stock to what was counted
///
/// For staff. What is reserved cannot be counted away. With a reference, the same again answers the same movement.
#[utoipa::path(post, path = "/v1/stock/{sku}/adjustments", tag = "movements", operation_id = "adjustStock",
    params(("sku" = Sku, Path, description = "The product.")), request_body = Adjustment,
    security(("oauth2" = ["inventory:write"])),
    responses((status = 201, description = "The movement.", body = Movement),
        (status = 404, response = contract::NotFound), (status = 409, response = contract::Conflict),
        contract::Problems, contract::BodyProblems))]
pub async fn adjust(
    allowed: Allowed<Write>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    Json(Adjustment { quantity, reason, reference }): Json<Adjustment>,
) -> Result<(StatusCode, Json<Movement>), Error> {
    let (now, cause) = (app.clock.now(), Cause::Adjustment { reason, reference });
    let mut tx = app.pool.begin().await?;
    let stock = lock(&mut tx, &sku).await?;
    if let Some(before) = find_earlier(&mut tx, &sku, Kind::Adjusted, &cause).await? {
        return Ok((StatusCode::CREATED, Json(before.asked_again(quantity.get(), &cause)?)));
    }
    let movement = save(&mut tx, stock.adjust(quantity)?, &cause, &allowed.caller, now).await?;
    tx.commit("adjust stock").await?;
    Ok((StatusCode::CREATED, Json(movement)))
}

/// List the movements of a product, the latest first
///
/// For staff, and for clients that act for themselves.
#[utoipa::path(get, path = "/v1/stock/{sku}/movements", tag = "movements", operation_id = "listMovements",
    params(("sku" = Sku, Path, description = "The product."), Paging), security(("oauth2" = ["inventory:read"])),
    responses((status = 200, description = "A page of movements.", body = Page<Movement>),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn list(
    _: Allowed<Audit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Movement>>, Error> {
    let before = paging.cursor()?;
    let mut db = app.pool.get().await?;
    db::find_stock(&mut db, &sku).await?.ok_or(Error::NoStock)?;
    let rows = db::list_movements(&mut db, &sku, before, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |movement| movement.id.to_string())))
}

async fn lock(db: &mut PgConnection, sku: &Sku) -> Result<Stock, Error> {
    db::lock_stock(db, &[sku.as_str()]).await?.pop().ok_or(Error::NoStock)
}

async fn find_earlier(db: &mut PgConnection, sku: &Sku, kind: Kind, cause: &Cause) -> Result<Option<Movement>, Error> {
    match cause.reference() {
        Some(reference) => Ok(db::find_by_reference(db, sku, kind, reference).await?),
        None => Ok(None),
    }
}

/// Saves and announces one change.
async fn save(
    db: &mut PgConnection,
    change: Change,
    cause: &Cause,
    by: &Caller,
    now: OffsetDateTime,
) -> Result<Movement, Error> {
    let changes = [change];
    let saved = db::save_changes(db, &changes, cause, &by.subject, now).await?.pop();
    events::announce_changes(db, &changes, now).await?;
    saved.ok_or(Error::NoStock)
}
