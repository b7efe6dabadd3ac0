//! `/v1/reservations`: what is promised to orders. Made and released by the order service.

use axum::{extract::State, http::StatusCode};
use contracts::OrderId;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Page, Paging, Path, Problem, Query, contract};

use super::permissions::{Audit, Reserve, Viewer};
use crate::{
    App, db,
    domain::{self, Cause, Line, Lines, Release, Reservation, State as Stage},
    error::Error,
    events,
};

/// What an order wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationRequest {
    /// Each product in one line only; in any order.
    #[schema(value_type = Vec<Line>, min_items = 1, max_items = 100)]
    lines: Lines,
}

/// Which reservations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReservationFilter {
    /// In this state only.
    #[param(inline)]
    state: Option<Stage>,
}

/// List reservations, the youngest order first
///
/// For staff, and for clients that act for themselves.
#[utoipa::path(get, path = "/v1/reservations", tag = "reservations", operation_id = "listReservations",
    params(ReservationFilter, Paging), security(("oauth2" = ["inventory:read"])),
    responses((status = 200, description = "A page of reservations.", body = Page<Reservation>), contract::Problems))]
pub async fn list(
    _: Allowed<Audit>,
    State(app): State<App>,
    Query(filter): Query<ReservationFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Reservation>>, Error> {
    let before = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::list_reservations(&mut db, filter.state, before, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |reservation| reservation.order_id.to_string())))
}

/// Reserve all lines of an order, or none
///
/// The same request again answers the same reservation. An order whose reservation was released, even before it was
/// made, is refused.
#[utoipa::path(put, path = "/v1/reservations/{order_id}", tag = "reservations", operation_id = "reserveStock",
    params(("order_id" = OrderId, Path, description = "The order.")), request_body = ReservationRequest,
    security(("oauth2" = ["inventory:reserve"])),
    responses((status = 200, description = "The reservation.", body = Reservation),
        contract::Problems, contract::BodyProblems,
        (status = 409, description = "`out_of_stock`, `reservation_released` or `conflicting_request`.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`unknown_sku`, or the body is not as the contract says.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn reserve(
    allowed: Allowed<Reserve>,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
    Json(ReservationRequest { lines }): Json<ReservationRequest>,
) -> Result<Json<Reservation>, Error> {
    let (now, by) = (app.clock.now(), &allowed.caller.subject);
    let mut tx = app.pool.begin().await?;
    if !db::insert_reservation(&mut tx, order_id, Stage::Held, by, now).await? {
        let before = db::find_reservation(&mut tx, order_id).await?.ok_or(Error::NoReservation)?;
        return Ok(Json(before.asked_again(&lines)?));
    }
    let shelf = db::lock_stock(&mut tx, &lines.skus()).await?;
    let changes = domain::take(&shelf, &lines)?;
    db::insert_lines(&mut tx, order_id, &lines).await?;
    db::save_changes(&mut tx, &changes, &Cause::Order(order_id), by, now).await?;
    events::announce_changes(&mut tx, &changes, now).await?;
    tx.commit("reserve stock").await?;
    Ok(Json(Reservation::held(order_id, lines, by, now)))
}

/// Show the reservation of an order
///
/// Staff see all, whoever reserves what it reserved itself.
#[utoipa::path(get, path = "/v1/reservations/{order_id}", tag = "reservations", operation_id = "getReservation",
    params(("order_id" = OrderId, Path, description = "The order.")),
    security(("oauth2" = ["inventory:read"]), ("oauth2" = ["inventory:reserve"])),
    responses((status = 200, description = "The reservation.", body = Reservation),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Reservation>, Error> {
    let mut db = app.pool.get().await?;
    let found = db::find_reservation(&mut db, order_id).await?;
    found.filter(|it| viewer.sees(it)).map(Json).ok_or(Error::NoReservation)
}

/// Release the reservation of an order
///
/// Also before it is made: the reservation that comes late is then refused. Once is as good as twice.
#[utoipa::path(delete, path = "/v1/reservations/{order_id}", tag = "reservations", operation_id = "releaseStock",
    params(("order_id" = OrderId, Path, description = "The order.")), security(("oauth2" = ["inventory:reserve"])),
    responses((status = 204, description = "Nothing is reserved for the order."),
        (status = 409, description = "`already_shipped`: the goods have left the building.",
            body = Problem, content_type = "application/problem+json"), contract::Problems))]
pub async fn release(
    allowed: Allowed<Reserve>,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
) -> Result<StatusCode, Error> {
    let (now, by) = (app.clock.now(), &allowed.caller.subject);
    let mut tx = app.pool.begin().await?;
    // A row that was not there yet is the tombstone, and nothing else is to be done.
    if !db::insert_reservation(&mut tx, order_id, Stage::Released, by, now).await? {
        let reservation = db::lock_reservation(&mut tx, order_id).await?.ok_or(Error::NoReservation)?;
        if reservation.release()? == Release::PutBack {
            put_back(&mut tx, &reservation, by, now).await?;
        }
    }
    tx.commit("release stock").await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_back(
    db: &mut PgConnection,
    reservation: &Reservation,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let shelf = db::lock_stock(db, &reservation.skus()).await?;
    let changes = domain::put_back(&shelf, &reservation.lines)?;
    db::save_changes(db, &changes, &Cause::Order(reservation.order_id), by, now).await?;
    db::update_state(db, reservation.order_id, Stage::Released, now).await?;
    events::announce_changes(db, &changes, now).await?;
    Ok(())
}
