//! Invoices: what an order cost, the tax within it, and the credit note that takes it back.

use contracts::{Address, CustomerId, Money, OrderId, order::OrderConfirmed};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::VAT;

/// The invoice of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invoice {
    /// Gapless within its year.
    #[schema(example = "INV-2026-00000001")]
    pub number: String,
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    pub bill_to: Address,
    /// Goods, then shipping.
    pub lines: Vec<InvoiceLine>,
    pub net: Money,
    pub vat: Money,
    /// Hundredths of a per cent: 1900 is 19 %.
    #[schema(example = 1900)]
    pub vat_rate: i32,
    pub total: Money,
    /// The document that takes the invoice back.
    pub credit_note: Option<CreditNote>,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvoiceLine {
    /// Absent for shipping.
    #[schema(example = "MUG-BLUE")]
    pub sku: Option<String>,
    #[schema(example = "Blue mug")]
    pub description: String,
    pub quantity: i32,
    pub unit_price: Money,
    /// Quantity times unit price, tax included.
    pub gross: Money,
    /// The tax within.
    pub vat: Money,
}

/// Takes back a whole invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreditNote {
    /// Gapless within its year.
    #[schema(example = "CN-2026-00000001")]
    pub number: String,
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
}

/// An invoice before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoice {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub bill_to: Address,
    pub lines: Vec<InvoiceLine>,
    pub total: Money,
}

/// The order cannot be invoiced as it was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The lines and shipping do not make the total.
    #[error("the lines and shipping do not sum to the total")]
    Total,
    /// Another amount was captured.
    #[error("another amount was captured than the order's total")]
    Captured,
}

impl NewInvoice {
    /// The invoice of a confirmed order for which `captured` was paid.
    pub fn of(order: &OrderConfirmed, captured: Money) -> Result<Self, Mismatch> {
        let mut lines = Vec::with_capacity(order.lines.len() + 1);
        for it in &order.lines {
            let quantity = i32::try_from(it.quantity.get()).map_err(|_| Mismatch::Total)?;
            lines.push(line(Some(it.sku.to_string()), it.name.clone(), quantity, it.unit_price)?);
        }
        if order.shipping_price.amount != 0 {
            lines.push(line(None, "Shipping".to_owned(), 1, order.shipping_price)?);
        }
        let sum = Money::sum(order.total.currency, lines.iter().map(|line| line.gross));
        if sum != Ok(order.total) || lines.iter().any(|line| line.gross.amount < 0) {
            return Err(Mismatch::Total);
        }
        if order.total != captured {
            return Err(Mismatch::Captured);
        }
        let gross: Vec<i64> = lines.iter().map(|line| line.gross.amount).collect();
        for (line, vat) in lines.iter_mut().zip(VAT.over(&gross)) {
            line.vat.amount = vat;
        }
        let OrderConfirmed { order_id, customer_id, ship_to, total, .. } = order.clone();
        Ok(Self { order_id, customer_id, bill_to: ship_to, lines, total })
    }

    /// The tax within the total.
    pub fn vat(&self) -> i64 {
        self.lines.iter().map(|line| line.vat.amount).sum()
    }

    /// What the goods cost without tax.
    pub fn net_of_goods(&self) -> i64 {
        self.lines.iter().filter(|line| line.sku.is_some()).map(InvoiceLine::net).sum()
    }

    /// What shipping costs without tax.
    pub fn net_of_shipping(&self) -> i64 {
        self.lines.iter().filter(|line| line.sku.is_none()).map(InvoiceLine::net).sum()
    }
}

impl InvoiceLine {
    fn net(&self) -> i64 {
        self.gross.amount - self.vat.amount
    }
}

fn line(sku: Option<String>, description: String, quantity: i32, unit_price: Money) -> Result<InvoiceLine, Mismatch> {
    let gross = unit_price.times(i64::from(quantity)).map_err(|_| Mismatch::Total)?;
    Ok(InvoiceLine { sku, description, quantity, unit_price, gross, vat: Money::zero(gross.currency) })
}
