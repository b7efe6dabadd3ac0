//! `/v1/shipments/{order_id}/dispatch` and `/deliver`: the parcel leaves and arrives. Announced once each.

use axum::extract::State;
use contracts::{
    Event, OrderId,
    shipping::{ShipmentDelivered, ShipmentDispatched},
};
use time::OffsetDateTime;
use web::{Allowed, Json, Path, Problem};

use super::permissions::Write;
use crate::{
    App, db,
    domain::{Shipment, Step, TrackingNumber},
    error::Error,
};

/// The parcel leaves the warehouse
///
/// Only what is prepared can be dispatched; after that the shipment cannot be cancelled. Once is as good as twice.
#[utoipa::path(
    post,
    path = "/v1/shipments/{order_id}/dispatch",
    tag = "shipments",
    operation_id = "dispatch_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 404, description = "`shipment_not_found`.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_prepared` or `shipment_cancelled`.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:write"])),
)]
pub async fn dispatch(
    State(app): State<App>,
    _: Allowed<Write>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Shipment>, Error> {
    take(&app, order_id, Step::Dispatch, |order_id, tracking_number, dispatched_at| ShipmentDispatched {
        order_id,
        tracking_number,
        dispatched_at,
    })
    .await
}

/// The parcel arrives
#[utoipa::path(
    post,
    path = "/v1/shipments/{order_id}/deliver",
    tag = "shipments",
    operation_id = "deliver_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 404, description = "`shipment_not_found`.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_dispatched` or `shipment_cancelled`.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:write"])),
)]
pub async fn deliver(
    State(app): State<App>,
    _: Allowed<Write>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Shipment>, Error> {
    take(&app, order_id, Step::Deliver, |order_id, tracking_number, delivered_at| ShipmentDelivered {
        order_id,
        tracking_number,
        delivered_at,
    })
    .await
}

/// Takes the step and announces it, or answers as when it was taken before, or refuses.
async fn take<E: Event>(
    app: &App,
    order_id: OrderId,
    step: Step,
    event: fn(OrderId, String, OffsetDateTime) -> E,
) -> Result<Json<Shipment>, Error> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let number: Option<TrackingNumber> = db::advance_shipment(&mut tx, order_id, step, now).await?;
    let shipment = db::find_shipment(&mut tx, order_id).await?.ok_or(Error::ShipmentNotFound)?;
    match number {
        Some(number) => messaging::announce(&mut tx, &event(order_id, number.into(), now), now).await?,
        None => step.not_taken(shipment.state)?,
    }
    tx.commit("move parcel").await?;
    Ok(Json(shipment))
}
