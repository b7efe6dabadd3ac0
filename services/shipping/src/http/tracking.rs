//! `/v1/shipments/{order_id}/tracking` and `/v1/tracking/{tracking_number}`: where the parcel is.

use axum::extract::State;
use contracts::OrderId;
use database::Conn;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Allowed, Json, Path, Problem};

use super::{permissions::Read, shipments::visible_to};
use crate::{
    App, db,
    domain::{Service, Shipment, State as Stage, TrackingEvent, TrackingNumber},
    error::Error,
};

/// Where a parcel is.
#[derive(Serialize, ToSchema)]
pub struct Tracking {
    order_id: OrderId,
    // The same name as everywhere else on the wire.
    #[allow(clippy::struct_field_names)]
    tracking_number: TrackingNumber,
    service: Service,
    state: Stage,
    /// What happened, first to last.
    events: Vec<TrackingEvent>,
}

/// Follow the shipment of an order
#[utoipa::path(
    get,
    path = "/v1/shipments/{order_id}/tracking",
    tag = "tracking",
    operation_id = "track_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "Where the parcel is.", body = Tracking),
        (status = 404, description = "`shipment_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn of_shipment(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Tracking>, Error> {
    let mut db = app.pool.get().await?;
    let found = db::find_shipment(&mut db, order_id).await?;
    track(db, visible_to(&allowed.caller, found)?).await
}

/// Follow a parcel by its tracking number
#[utoipa::path(
    get,
    path = "/v1/tracking/{tracking_number}",
    tag = "tracking",
    operation_id = "track_parcel",
    params(("tracking_number" = TrackingNumber, Path, description = "The number on the parcel.")),
    responses(
        (status = 200, description = "Where the parcel is.", body = Tracking),
        (status = 404, description = "`shipment_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn by_number(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Path(number): Path<TrackingNumber>,
) -> Result<Json<Tracking>, Error> {
    let mut db = app.pool.get().await?;
    let found = db::find_shipment_by_tracking_number(&mut db, &number).await?;
    track(db, visible_to(&allowed.caller, found)?).await
}

async fn track(mut db: Conn, shipment: Shipment) -> Result<Json<Tracking>, Error> {
    let events = db::list_tracking_events(&mut db, shipment.order_id).await?;
    let Shipment { order_id, tracking_number, service, state, .. } = shipment;
    Ok(Json(Tracking { order_id, tracking_number, service, state, events }))
}
