//! What shipping reacts to: a confirmed order is prepared. What it announces stands in `http/transit.rs`.

use anyhow::Context;
use contracts::order::OrderConfirmed;
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::Clock;

use crate::{
    db,
    domain::{State, Step},
};

/// Every reaction.
pub fn subscriptions(clock: Clock) -> Subscriptions {
    Subscriptions::of("shipping").on(move |db, event: OrderConfirmed, _| {
        let now = clock.now();
        Box::pin(async move { prepare(db, event, now).await })
    })
}

/// Packs the parcel, unless the order was cancelled in the meantime. An order that is confirmed without a shipment
/// breaks a rule of the suite: the error makes it a dead letter, where an operator sees it.
async fn prepare(db: &mut PgConnection, event: OrderConfirmed, now: OffsetDateTime) -> anyhow::Result<()> {
    let order_id = event.order_id;
    if db::advance_shipment(db, order_id, Step::Prepare, now).await?.is_none() {
        let state = db::find_state(db, order_id).await?.with_context(|| format!("order {order_id} has no shipment"))?;
        if state == State::Cancelled {
            tracing::info!(%order_id, "confirmed after its shipment was cancelled: not prepared");
        }
    }
    Ok(())
}
