//! What inventory announces, and what it reacts to.

use anyhow::Context;
use contracts::{Event, inventory::StockChanged, order::OrderConfirmed, shipping::ShipmentDispatched};
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::Clock;

use crate::{
    db,
    domain::{self, Cause, Change, State, Stock},
};

/// Announces how stock stands after some changes. Its row is locked, so versions leave in order.
pub async fn announce_changes(db: &mut PgConnection, changes: &[Change], now: OffsetDateTime) -> database::Result<()> {
    let events: Vec<_> = changes.iter().map(|change| StockChanged::from(&change.stock)).collect();
    messaging::announce_all(db, &events, now).await
}

/// The events that inventory reacts to.
pub fn subscriptions(clock: Clock) -> Subscriptions {
    let other_clock = clock.clone();
    Subscriptions::of("inventory")
        .on::<OrderConfirmed, _>(move |db, event, _| Box::pin(commit(db, event, clock.now())))
        .on::<ShipmentDispatched, _>(move |db, event, _| Box::pin(ship(db, event, other_clock.now())))
}

/// The order is confirmed: its goods wait for the carrier.
async fn commit(db: &mut PgConnection, event: OrderConfirmed, now: OffsetDateTime) -> anyhow::Result<()> {
    let reservation = db::lock_reservation(db, event.order_id).await?.context("nothing was reserved for the order")?;
    if reservation.commits() {
        db::update_state(db, event.order_id, State::Committed, now).await?;
    }
    Ok(())
}

/// The parcel left: its goods are no longer on the shelf.
async fn ship(db: &mut PgConnection, event: ShipmentDispatched, now: OffsetDateTime) -> anyhow::Result<()> {
    let reservation = db::lock_reservation(db, event.order_id).await?.context("nothing was reserved for the order")?;
    if !reservation.ships()? {
        return Ok(());
    }
    let shelf = db::lock_stock(db, &reservation.skus()).await?;
    let changes = domain::ship(&shelf, &reservation.lines)?;
    db::save_changes(db, &changes, &Cause::Order(event.order_id), ShipmentDispatched::TYPE, now).await?;
    db::update_state(db, event.order_id, State::Shipped, now).await?;
    announce_changes(db, &changes, now).await?;
    Ok(())
}

impl From<&Stock> for StockChanged {
    fn from(stock: &Stock) -> Self {
        Self {
            sku: stock.sku.clone(),
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            available: stock.available(),
            version: stock.version,
        }
    }
}
