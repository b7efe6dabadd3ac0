//! `/v1/shipments/{order_id}/announcement`: for those who have forgotten where the parcel is.

use axum::extract::State;
use contracts::{
    OrderId,
    shipping::{ShipmentDelivered, ShipmentDispatched},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::{Allowed, Json, Path, Problem};

use super::permissions::Book;
use crate::{
    App, db,
    domain::{Refusal, Shipment, State as Stage, TrackingEvent},
    error::Error,
};

/// Announce again where the parcel is
///
/// That it left and, if so, that it arrived, with the times at which it did. For services that were put back to an
/// earlier moment; the others know it already and do nothing.
#[utoipa::path(
    post,
    path = "/v1/shipments/{order_id}/announcement",
    tag = "shipments",
    operation_id = "announce_shipment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 200, description = "The shipment.", body = Shipment),
        (status = 404, description = "`shipment_not_found`.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_dispatched`: there is nothing to announce yet.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:book"])),
)]
pub async fn announce(
    State(app): State<App>,
    _: Allowed<Book>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Shipment>, Error> {
    let mut tx = app.pool.begin().await?;
    let shipment = db::find_shipment(&mut tx, order_id).await?.ok_or(Error::ShipmentNotFound)?;
    let history = db::list_tracking_events(&mut tx, order_id).await?;
    if !announce_history(&mut tx, &shipment, &history, app.clock.now()).await? {
        return Err(Refusal::NotDispatched { state: shipment.state }.into());
    }
    tx.commit("announce shipment again").await?;
    Ok(Json(shipment))
}

/// False if there was nothing to announce.
async fn announce_history(
    db: &mut PgConnection,
    shipment: &Shipment,
    history: &[TrackingEvent],
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let (order_id, tracking_number) = (shipment.order_id, String::from(shipment.tracking_number.clone()));
    let at = |stage| history.iter().find(|event| event.state == stage).map(|event| event.at);
    let Some(dispatched_at) = at(Stage::Dispatched) else { return Ok(false) };
    let dispatched = ShipmentDispatched { order_id, tracking_number: tracking_number.clone(), dispatched_at };
    messaging::announce(db, &dispatched, now).await?;
    if let Some(delivered_at) = at(Stage::Delivered) {
        messaging::announce(db, &ShipmentDelivered { order_id, tracking_number, delivered_at }, now).await?;
    }
    Ok(true)
}
