//! What accounting announces, each with what it books, and what it reacts to.

use anyhow::{Context, bail};
use contracts::{
    Money, OrderId,
    accounting::{InvoiceIssued, PaymentCaptured, PaymentRefunded},
    gateway::CallsMetered,
    order::OrderConfirmed,
};
use messaging::Subscriptions;
use sqlx::PgConnection;
use time::OffsetDateTime;
use web::Clock;

use crate::{
    db,
    domain::{self, CreditNote, EntryId, Invoice, Month, NewEntry, NewInvoice, State, Terms, VAT},
};

/// The money for an order was taken: booked and announced.
pub async fn captured(
    db: &mut PgConnection,
    order_id: OrderId,
    terms: &Terms,
    now: OffsetDateTime,
) -> database::Result<()> {
    book(db, domain::captured(order_id, terms), now).await?;
    messaging::announce(db, &PaymentCaptured { order_id, amount: terms.amount.money() }, now).await
}

/// The money for an order was given back: booked, credited if there is an invoice, and announced. The payment's row is
/// locked, so that no invoice is issued meanwhile.
pub async fn refunded(
    db: &mut PgConnection,
    order_id: OrderId,
    terms: &Terms,
    now: OffsetDateTime,
) -> database::Result<()> {
    let invoice = db::find_invoice_of_order(db, order_id).await?;
    let entry_id = book(db, domain::refunded(order_id, terms, invoice.as_ref()), now).await?;
    if let Some(invoice) = invoice {
        let number = db::take_number(db, db::Series::CreditNote, now.year()).await?;
        db::insert_credit_note(db, &invoice.number, &CreditNote { number, issued_at: now }, entry_id).await?;
    }
    messaging::announce(db, &PaymentRefunded { order_id, amount: terms.amount.money() }, now).await
}

/// The events that accounting reacts to.
pub fn subscriptions(clock: Clock) -> Subscriptions {
    Subscriptions::of("accounting")
        .on::<OrderConfirmed, _>(move |db, event, _| Box::pin(invoice(db, event, clock.now())))
        .on::<CallsMetered, _>(|db, event, _| Box::pin(meter(db, event)))
}

/// The order is confirmed: it is invoiced, once. An order that was refunded before gets no invoice: nothing is
/// supplied, and its prepayment has been given back.
async fn invoice(db: &mut PgConnection, event: OrderConfirmed, now: OffsetDateTime) -> anyhow::Result<()> {
    let order_id = event.order_id;
    let payment = db::lock_payment(db, order_id).await?.context("the order has no payment")?;
    match payment.state {
        State::Captured | State::Refunding => {}
        State::Refunded => {
            tracing::info!(%order_id, "confirmed after it was refunded: not invoiced");
            return Ok(());
        }
        state => bail!("the payment of the order is {}, not captured", state.as_str()),
    }
    if db::find_invoice_of_order(db, order_id).await?.is_some() {
        return Ok(());
    }
    let paid = payment.amount.context("the payment has no amount")?;
    issue(db, NewInvoice::of(&event, paid)?, now).await?;
    Ok(())
}

/// Calls were metered: they are added to the client's month.
async fn meter(db: &mut PgConnection, event: CallsMetered) -> anyhow::Result<()> {
    let month = Month::of(event.since);
    Ok(db::add_usage(db, &month, &event.client_id, &domain::metered(&event)).await?)
}

async fn issue(db: &mut PgConnection, new: NewInvoice, now: OffsetDateTime) -> database::Result<()> {
    let entry_id = book(db, domain::invoiced(&new), now).await?;
    let number = db::take_number(db, db::Series::Invoice, now.year()).await?;
    let (vat, total) = (Money::new(new.vat(), new.total.currency), new.total);
    let invoice = Invoice {
        number: number.clone(),
        order_id: new.order_id,
        customer_id: new.customer_id,
        issued_at: now,
        bill_to: new.bill_to,
        lines: new.lines,
        net: Money::new(total.amount - vat.amount, total.currency),
        vat,
        vat_rate: VAT.rate(),
        total,
        credit_note: None,
    };
    db::insert_invoice(db, &invoice, entry_id).await?;
    messaging::announce(db, &InvoiceIssued { order_id: invoice.order_id, number, total }, now).await
}

async fn book(db: &mut PgConnection, new: NewEntry, now: OffsetDateTime) -> database::Result<EntryId> {
    let id = EntryId::generate();
    // What is booked once per order and was booked already must not go by in silence.
    if !db::insert_entry(db, &new.at(id, now)).await? {
        return Err(sqlx::Error::RowNotFound.into());
    }
    Ok(id)
}
