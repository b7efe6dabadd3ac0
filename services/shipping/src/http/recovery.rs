//! `/v1/shipments/{order_id}/transit`: a parcel that has left and that is not known here any more, because this database
//! was put back to an earlier moment. The order service remembers it.

use axum::extract::State;
use contracts::OrderId;
use serde::Deserialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Allowed, Json, Path, Problem};

use super::{permissions::Book, shipments::BookingRequest};
use crate::{
    App, db,
    domain::{self, Booking, Refusal, Shipment, State as Stage, Step, TrackingNumber},
    error::Error,
};

/// A parcel that has left.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitRequest {
    booking: BookingRequest,
    /// The number on the parcel.
    tracking_number: TrackingNumber,
    /// When it left.
    #[serde(with = "time::serde::rfc3339")]
    dispatched_at: OffsetDateTime,
    /// When it arrived, if it has.
    #[serde(default, with = "time::serde::rfc3339::option")]
    delivered_at: Option<OffsetDateTime>,
}

/// Take back a parcel that has left
///
/// Puts the shipment where it was: with its number, dispatched or delivered. Nothing is announced. What is known already
/// stays as it is; once is as good as twice.
#[utoipa::path(
    put,
    path = "/v1/shipments/{order_id}/transit",
    tag = "shipments",
    operation_id = "recover_transit",
    params(("order_id" = OrderId, Path, description = "The order.")),
    request_body = TransitRequest,
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 409, description = "`shipment_cancelled`, `price_mismatch`, or `conflicting_request`: it is known with another booking or number.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
        web::contract::BodyProblems,
        (status = 422, description = "`unserviceable_address`, `overweight`, or the body is not as the contract says.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["shipping:book"])),
)]
pub async fn recover(
    State(app): State<App>,
    _: Allowed<Book>,
    Path(order_id): Path<OrderId>,
    Json(request): Json<TransitRequest>,
) -> Result<Json<Shipment>, Error> {
    let mut tx = app.pool.begin().await?;
    let known = booked(&mut tx, order_id, &request).await?;
    let steps = [(Step::Prepare, request.dispatched_at), (Step::Dispatch, request.dispatched_at)];
    let arrival = request.delivered_at.map(|at| (Step::Deliver, at));
    for (step, at) in steps.into_iter().chain(arrival) {
        db::advance_shipment(&mut tx, order_id, step, at).await?;
    }
    let shipment = db::find_shipment(&mut tx, order_id).await?.unwrap_or(known);
    tx.commit("recover transit").await?;
    Ok(Json(shipment))
}

/// The shipment as it is known, or booked now with the number that it had.
async fn booked(db: &mut PgConnection, order_id: OrderId, request: &TransitRequest) -> Result<Shipment, Error> {
    let booking = Booking::from(request.booking.clone());
    if db::find_state(db, order_id).await?.is_none() {
        let rates = db::list_rates_to(db, &booking.to.country).await?;
        let offer = domain::price(&rates, &booking)?;
        let number = request.tracking_number.clone();
        let shipment = Shipment::booked(order_id, booking.clone(), offer, number, request.dispatched_at);
        db::insert_shipment(db, &shipment).await?;
    }
    let known = db::find_shipment(db, order_id).await?.filter(|it| it.state != Stage::Cancelled);
    let known = known.ok_or(Refusal::ShipmentCancelled)?.booked_again(&booking)?;
    if known.tracking_number == request.tracking_number { Ok(known) } else { Err(Refusal::ConflictingRequest.into()) }
}
