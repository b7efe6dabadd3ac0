//! Tables `invoice`, `invoice_line`, `credit_note` and the counter of their numbers.

use std::collections::HashMap;

use contracts::{Address, Currency, CustomerId, Money, OrderId};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use super::name;
use crate::domain::{CreditNote, EntryId, Invoice, InvoiceLine};

/// Documents that are numbered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    Invoice,
    CreditNote,
}

impl Series {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Invoice => "INV",
            Self::CreditNote => "CN",
        }
    }
}

struct InvoiceRow {
    number: String,
    order_id: OrderId,
    customer_id: CustomerId,
    issued_at: OffsetDateTime,
    bill_to: Json<Address>,
    currency: String,
    vat_rate: i32,
    net: i64,
    vat: i64,
    total: i64,
    credit_note: Option<String>,
    credited_at: Option<OffsetDateTime>,
}

/// The next number of a series in a year, e.g. `INV-2026-00000001`. The counter stays locked until the transaction
/// ends: a rollback gives the number back, and so there are no gaps.
pub async fn take_number(db: &mut PgConnection, series: Series, year: i32) -> database::Result<String> {
    let last = sqlx::query_scalar!(
        "INSERT INTO document_counter (series, year, last) VALUES ($1, $2, 1)
         ON CONFLICT (series, year) DO UPDATE SET last = document_counter.last + 1 RETURNING last",
        series.prefix(),
        year,
    )
    .fetch_one(db)
    .await?;
    Ok(format!("{}-{year:04}-{last:08}", series.prefix()))
}

/// Writes an invoice with its lines; `entry_id` is what was booked.
pub async fn insert_invoice(db: &mut PgConnection, new: &Invoice, entry_id: EntryId) -> database::Result<()> {
    sqlx::query!(
        "INSERT INTO invoice (number, order_id, customer_id, issued_at, bill_to, currency, vat_rate, net, vat, total,
                              entry_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.number,
        new.order_id.uuid(),
        new.customer_id.uuid(),
        new.issued_at,
        Json(&new.bill_to) as _,
        new.total.currency.code(),
        new.vat_rate,
        new.net.amount,
        new.vat.amount,
        new.total.amount,
        entry_id.uuid(),
    )
    .execute(&mut *db)
    .await?;
    let lines = &new.lines;
    let skus: Vec<_> = lines.iter().map(|it| it.sku.clone()).collect();
    let descriptions: Vec<_> = lines.iter().map(|it| it.description.clone()).collect();
    let quantities: Vec<_> = lines.iter().map(|it| it.quantity).collect();
    let prices: Vec<_> = lines.iter().map(|it| it.unit_price.amount).collect();
    let gross: Vec<_> = lines.iter().map(|it| it.gross.amount).collect();
    let vat: Vec<_> = lines.iter().map(|it| it.vat.amount).collect();
    sqlx::query!(
        "INSERT INTO invoice_line (number, position, sku, description, quantity, unit_price, gross, vat)
         SELECT $1, line.position, line.sku, line.description, line.quantity, line.unit_price, line.gross, line.vat
         FROM unnest($2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[]) WITH ORDINALITY
             AS line (sku, description, quantity, unit_price, gross, vat, position)",
        new.number,
        &skus as _,
        &descriptions,
        &quantities,
        &prices,
        &gross,
        &vat,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the credit note that takes an invoice back.
pub async fn insert_credit_note(
    db: &mut PgConnection,
    invoice_number: &str,
    new: &CreditNote,
    entry_id: EntryId,
) -> database::Result<()> {
    sqlx::query!(
        "INSERT INTO credit_note (number, invoice_number, issued_at, entry_id) VALUES ($1, $2, $3, $4)",
        new.number,
        invoice_number,
        new.issued_at,
        entry_id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The invoice with a number.
pub async fn find_invoice(db: &mut PgConnection, number: &str) -> database::Result<Option<Invoice>> {
    let row = sqlx::query_as!(
        InvoiceRow,
        r#"SELECT invoice.number, order_id AS "order_id: _", customer_id AS "customer_id: _", invoice.issued_at,
                  bill_to AS "bill_to: _", currency, vat_rate, net, vat, total,
                  credit_note.number AS "credit_note?", credit_note.issued_at AS "credited_at?"
           FROM invoice LEFT JOIN credit_note ON credit_note.invoice_number = invoice.number
           WHERE invoice.number = $1"#,
        number,
    )
    .fetch_optional(&mut *db)
    .await?;
    Ok(with_lines(db, row.into_iter().collect()).await?.pop())
}

/// The invoice of an order.
pub async fn find_invoice_of_order(db: &mut PgConnection, order_id: OrderId) -> database::Result<Option<Invoice>> {
    let number = sqlx::query_scalar!("SELECT number FROM invoice WHERE order_id = $1", order_id.uuid());
    match number.fetch_optional(&mut *db).await? {
        Some(number) => find_invoice(db, &number).await,
        None => Ok(None),
    }
}

/// Invoices, newest first.
pub async fn list_invoices(
    db: &mut PgConnection,
    customer_id: Option<CustomerId>,
    before: Option<&str>,
    limit: i64,
) -> database::Result<Vec<Invoice>> {
    let rows = sqlx::query_as!(
        InvoiceRow,
        r#"SELECT invoice.number, order_id AS "order_id: _", customer_id AS "customer_id: _", invoice.issued_at,
                  bill_to AS "bill_to: _", currency, vat_rate, net, vat, total,
                  credit_note.number AS "credit_note?", credit_note.issued_at AS "credited_at?"
           FROM invoice LEFT JOIN credit_note ON credit_note.invoice_number = invoice.number
           WHERE ($1::uuid IS NULL OR customer_id = $1) AND ($2::text IS NULL OR invoice.number < $2)
           ORDER BY invoice.number DESC LIMIT $3"#,
        customer_id.map(CustomerId::uuid),
        before,
        limit,
    )
    .fetch_all(&mut *db)
    .await?;
    with_lines(db, rows).await
}

async fn with_lines(db: &mut PgConnection, rows: Vec<InvoiceRow>) -> database::Result<Vec<Invoice>> {
    let numbers: Vec<_> = rows.iter().map(|row| row.number.clone()).collect();
    let found = sqlx::query!(
        "SELECT number, sku, description, quantity, unit_price, gross, vat FROM invoice_line
         WHERE number = ANY ($1) ORDER BY number, position",
        &numbers,
    )
    .fetch_all(db)
    .await?;
    let currencies: HashMap<_, _> =
        rows.iter().map(|row| Ok((row.number.clone(), name(&row.currency)?))).collect::<Result<_, sqlx::Error>>()?;
    let mut lines: HashMap<String, Vec<InvoiceLine>> = HashMap::new();
    for it in found {
        let currency: Currency = currencies[&it.number];
        lines.entry(it.number).or_default().push(InvoiceLine {
            sku: it.sku,
            description: it.description,
            quantity: it.quantity,
            unit_price: Money::new(it.unit_price, currency),
            gross: Money::new(it.gross, currency),
            vat: Money::new(it.vat, currency),
        });
    }
    let invoice = |row: InvoiceRow| {
        let (currency, lines) = (currencies[&row.number], lines.remove(&row.number).unwrap_or_default());
        complete(row, currency, lines)
    };
    Ok(rows.into_iter().map(invoice).collect())
}

fn complete(row: InvoiceRow, currency: Currency, lines: Vec<InvoiceLine>) -> Invoice {
    Invoice {
        number: row.number,
        order_id: row.order_id,
        customer_id: row.customer_id,
        issued_at: row.issued_at,
        bill_to: row.bill_to.0,
        lines,
        net: Money::new(row.net, currency),
        vat: Money::new(row.vat, currency),
        vat_rate: row.vat_rate,
        total: Money::new(row.total, currency),
        credit_note: row.credit_note.zip(row.credited_at).map(|(number, issued_at)| CreditNote { number, issued_at }),
    }
}
