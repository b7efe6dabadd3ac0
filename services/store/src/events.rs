//! What the store reacts to. What it announces stands where it happens: `ProductChanged` in `http/editing.rs`.

use contracts::{
    inventory::StockChanged,
    order::{OrderCancelled, OrderConfirmed},
};
use futures::future::{BoxFuture, FutureExt};
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::db::{self, sales::Sold};

/// Every reaction of the store.
pub fn subscriptions() -> Subscriptions {
    Subscriptions::of("store")
        .on::<StockChanged, _>(note_availability)
        .on::<OrderConfirmed, _>(count_sale)
        .on::<OrderCancelled, _>(take_back_sale)
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
        let sold = sold(&order);
        if db::sales::insert_sale(db, order.order_id, &sold).await? {
            db::sales::add_sold(db, &sold, 1).await?;
        }
        Ok(())
    }
    .boxed()
}

// Also if it is heard of before the sale, which then does not count.
fn take_back_sale(
    db: &mut PgConnection,
    order: OrderCancelled,
    _: OffsetDateTime,
) -> BoxFuture<'_, anyhow::Result<()>> {
    async move {
        if let Some(sold) = db::sales::cancel_sale(db, order.order_id).await? {
            db::sales::add_sold(db, &sold, -1).await?;
        }
        Ok(())
    }
    .boxed()
}

/// Pieces by SKU.
fn sold(order: &OrderConfirmed) -> Sold {
    order.lines.iter().fold(Sold::new(), |mut sold, line| {
        *sold.entry(line.sku.to_string()).or_default() += line.quantity.get();
        sold
    })
}
