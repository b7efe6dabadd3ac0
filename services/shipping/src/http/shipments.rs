//! `/v1/shipments`: the one shipment of each order. Booked and cancelled by the order service.

use axum::{extract::State, http::StatusCode};
use contracts::{Address, CustomerId, Money, OrderId};
use database::Conn;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{Allowed, Caller, Json, Page, Paging, Path, Problem, Query};

use super::permissions::{Book, Read};
use crate::{
    App, db,
    domain::{self, Booking, Grams, Service, Shipment, State as Stage, Step, TrackingNumber},
    error::Error,
};

/// A shipment to book.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingRequest {
    /// Who may follow it.
    customer_id: CustomerId,
    to: Address,
    weight_grams: Grams,
    service: Service,
    /// What the customer accepted; must be the current price.
    price: Money,
}

/// Which shipments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShipmentFilter {
    /// In this state only.
    #[param(inline)]
    state: Option<Stage>,
}

/// List shipments, newest order first
///
/// Customers see their own, staff all.
#[utoipa::path(
    get,
    path = "/v1/shipments",
    tag = "shipments",
    operation_id = "list_shipments",
    params(ShipmentFilter, Paging),
    responses((status = 200, description = "A page of shipments.", body = Page<Shipment>), web::contract::Problems),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn list(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Query(filter): Query<ShipmentFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Shipment>>, Problem> {
    let before = paging.cursor()?;
    let customer_id = allowed.caller.restricted_to().map(CustomerId::from);
    let wanted = db::Wanted { customer_id, state: filter.state, before };
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let rows = db::list_shipments(&mut db, &wanted, paging.limit.rows()).await.map_err(Error::from)?;
    Ok(Json(Page::of(rows, paging.limit, |shipment| shipment.order_id.to_string())))
}

/// Book the shipment of an order
///
/// The same request again answers the same shipment. An order whose shipment was cancelled, even before it was
/// booked, is refused.
#[utoipa::path(
    put,
    path = "/v1/shipments/{order_id}",
    tag = "shipments",
    operation_id = "book_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    request_body = BookingRequest,
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 409, description = "`price_mismatch`, `shipment_cancelled` or `conflicting_request`.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
        web::contract::BodyProblems,
        (status = 422, description = "`unserviceable_address`, `overweight`, or the body is not as the contract says.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["shipping:book"])),
)]
pub async fn book(
    State(app): State<App>,
    _: Allowed<Book>,
    Path(order_id): Path<OrderId>,
    Json(request): Json<BookingRequest>,
) -> Result<Json<Shipment>, Error> {
    let booking = Booking::from(request);
    // No transaction: one statement writes all there is to write, and a tombstone stops it.
    let mut db = app.pool.get().await?;
    if let Some(before) = db::find_shipment(&mut db, order_id).await? {
        return Ok(Json(before.booked_again(&booking)?));
    }
    let rates = db::list_rates_to(&mut db, &booking.to.country).await?;
    let offer = domain::price(&rates, &booking)?;
    let number = TrackingNumber::from_random(Uuid::new_v4().as_u128());
    let shipment = Shipment::booked(order_id, booking.clone(), offer, number, app.clock.now());
    drop(db);
    if db::insert_shipment(&mut *app.pool.single("book shipment").await?, &shipment).await? {
        return Ok(Json(shipment));
    }
    booked_meanwhile(app.pool.get().await?, order_id, &booking).await.map(Json)
}

/// The order's key was taken: by the same booking that ran beside this one, or by a tombstone.
async fn booked_meanwhile(mut db: Conn, order_id: OrderId, booking: &Booking) -> Result<Shipment, Error> {
    match db::find_shipment(&mut db, order_id).await? {
        Some(shipment) => Ok(shipment.booked_again(booking)?),
        None => Err(domain::Refusal::ShipmentCancelled.into()),
    }
}

/// Show the shipment of an order
#[utoipa::path(
    get,
    path = "/v1/shipments/{order_id}",
    tag = "shipments",
    operation_id = "show_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 404, description = "`shipment_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn show(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Shipment>, Error> {
    let found = db::find_shipment(&mut *app.pool.get().await?, order_id).await?;
    visible_to(&allowed.caller, found).map(Json)
}

/// Cancel the shipment of an order
///
/// Also before it is booked: the booking that comes late is then refused. Once is as good as twice.
#[utoipa::path(
    delete,
    path = "/v1/shipments/{order_id}",
    tag = "shipments",
    operation_id = "cancel_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 204, description = "It will not be sent."),
        (status = 409, description = "`already_dispatched`: the parcel has left.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:book"])),
)]
pub async fn cancel(
    State(app): State<App>,
    _: Allowed<Book>,
    Path(order_id): Path<OrderId>,
) -> Result<StatusCode, Error> {
    // No transaction: one statement cancels or leaves the tombstone, and a dispatch at the same time excludes it.
    let cancelled =
        db::cancel_shipment(&mut *app.pool.single("cancel shipment").await?, order_id, app.clock.now()).await?;
    if !cancelled {
        let state = db::find_state(&mut *app.pool.get().await?, order_id).await?.ok_or(Error::ShipmentNotFound)?;
        Step::Cancel.not_taken(state)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The shipment, if `caller` may see it; another customer's is as good as none.
pub fn visible_to(caller: &Caller, found: Option<Shipment>) -> Result<Shipment, Error> {
    let owner = caller.restricted_to().map(CustomerId::from);
    found
        .filter(|shipment| owner.is_none_or(|customer_id| customer_id == shipment.customer_id))
        .ok_or(Error::ShipmentNotFound)
}

impl From<BookingRequest> for Booking {
    fn from(request: BookingRequest) -> Self {
        let BookingRequest { customer_id, to, weight_grams, service, price } = request;
        Self { customer_id, to, weight_grams, service, price }
    }
}
