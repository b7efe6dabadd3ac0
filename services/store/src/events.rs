//! What the store reacts to. What it announces stands where it happens: `ProductChanged` in `http/editing.rs`.

use contracts::{inventory::StockChanged, order::OrderConfirmed};
use futures::future::{BoxFuture, FutureExt};
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::db;

/// Every reaction of the store.
pub fn subscriptions() -> Subscriptions {
    Subscriptions::of("store").on::<StockChanged, _>(note_availability).on::<OrderConfirmed, _>(count_sale)
}

// Stock may overtake itself on the way here: the version tells, not the order of arrival.
fn note_availability(
    db: &mut PgConnection,
    stock: StockChanged,
    _: OffsetDateTime,
) -> BoxFuture<'_, anyhow::Result<()>> {
    async move {
        db::availability::note_availability(db, &stock.sku, stock.available, stock.version).await?;
        Ok(())
    }
    .boxed()
}

fn count_sale(db: &mut PgConnection, order: OrderConfirmed, _: OffsetDateTime) -> BoxFuture<'_, anyhow::Result<()>> {
    async move {
        let sold: Vec<_> = order.lines.iter().map(|line| (&line.sku, line.quantity.get())).collect();
        db::availability::count_sold(db, order.order_id, &sold).await?;
        Ok(())
    }
    .boxed()
}
