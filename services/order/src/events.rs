//! What order announces and what it reacts to.

use contracts::{
    Event, OrderId,
    accounting::{InvoiceIssued, PaymentCaptured, PaymentRefunded},
    shipping::{ShipmentDelivered, ShipmentDispatched},
};
use database::Result;
use futures::future::BoxFuture;
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::Clock;

use crate::{
    db::{orders, saga_log},
    domain::{Announcement, Direction, Entry, FULFILMENT, Order, What},
};

/// Announces what a saga has made true.
pub async fn announce(db: &mut PgConnection, announcement: &Announcement, now: OffsetDateTime) -> Result<()> {
    match announcement {
        Announcement::Confirmed(event) => messaging::announce(db, &**event, now).await,
        Announcement::Compensated(event) => messaging::announce(db, event, now).await,
        Announcement::Cancelled(event) => messaging::announce(db, event, now).await,
    }
}

/// What order reacts to: the parcel moves the order on; the invoice and the money show in the timeline.
pub fn subscriptions(clock: &Clock) -> Subscriptions {
    Subscriptions::of("order")
        .on(heard(clock, "shipment dispatched", |order, event: &ShipmentDispatched, now| {
            order.dispatched(&event.tracking_number, event.dispatched_at, now)
        }))
        .on(heard(clock, "shipment delivered", |order, event: &ShipmentDelivered, now| {
            order.delivered(&event.tracking_number, event.delivered_at, now)
        }))
        .on(heard(clock, "invoice issued", |order, event: &InvoiceIssued, now| order.invoiced(&event.number, now)))
        .on(heard(clock, "payment captured", |_, _: &PaymentCaptured, _| true))
        .on(heard(clock, "payment refunded", |_, _: &PaymentRefunded, _| true))
}

/// How the order takes something in. False if it knew.
type TakeIn<E> = fn(&mut Order, &E, OffsetDateTime) -> bool;

fn heard<E: Event>(
    clock: &Clock,
    what: &'static str,
    take_in: TakeIn<E>,
) -> impl for<'a> Fn(&'a mut PgConnection, E, OffsetDateTime) -> BoxFuture<'a, anyhow::Result<()>> + Send + Sync + 'static
{
    let clock = clock.clone();
    move |db, event, _| {
        let now = clock.now();
        Box::pin(async move { hear(db, &event, what, take_in, now).await })
    }
}

async fn hear<E: Event>(
    db: &mut PgConnection,
    event: &E,
    what: &str,
    take_in: TakeIn<E>,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let id: OrderId = event.aggregate().parse()?;
    // An order nobody has heard of becomes a dead letter, for somebody to look at.
    let mut order = orders::lock_order(db, id, None).await?.ok_or_else(|| anyhow::anyhow!("no order {id}"))?;
    if take_in(&mut order, event, now) {
        orders::update_order(db, &order).await?;
        // Of money the order itself remembers nothing; its log does, longer than the inbox.
        if !saga_log::find_heard(db, id, what).await? {
            saga_log::insert_entry(db, id, &entry(what, serde_json::to_value(event)?)).await?;
        }
    }
    Ok(())
}

fn entry(step: &str, detail: serde_json::Value) -> Entry {
    let (saga, step) = (FULFILMENT.to_owned(), step.to_owned());
    Entry { saga, step, direction: Direction::Do, attempt: 0, what: What::Done, detail: Some(detail) }
}
