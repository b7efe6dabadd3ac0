//! Table `tracking_event`: read here, written with each change of state.

use contracts::OrderId;
use sqlx::PgConnection;

use super::name;
use crate::domain::TrackingEvent;

/// What happened to an order's shipment, first to last. There is one event per state, so a handful.
pub async fn list_tracking_events(db: &mut PgConnection, order_id: OrderId) -> database::Result<Vec<TrackingEvent>> {
    let rows = sqlx::query!(
        "select state, at from tracking_event where order_id = $1 order by position limit 100",
        order_id.uuid(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok(TrackingEvent { state: name(&row.state)?, at: row.at })).collect()
}
