//! What each event of the business does to the ledger.
//!
//! | event | debit | credit |
//! | --- | --- | --- |
//! | capture | provider receivable (on account: customer receivables) | customer prepayments |
//! | invoice | customer prepayments | sales revenue, shipping revenue, VAT payable |
//! | refund of an invoiced order | sales returns, VAT payable | as captured |
//! | refund before the invoice | customer prepayments | as captured |
//! | receipt | bank | customer receivables |

use contracts::{Money, OrderId};

use super::{Amount, EntryKind, Invoice, Ledger, Method, NewEntry, NewInvoice, Posting, Terms};

/// The money for an order was taken.
pub fn captured(order_id: OrderId, terms: &Terms) -> NewEntry {
    let amount = terms.amount.money();
    let postings = [debit(taken_through(terms.method), amount), credit(Ledger::CustomerPrepayments, amount)];
    of_order(EntryKind::Capture, format!("payment of order {order_id}"), order_id, postings)
}

/// The order was invoiced.
pub fn invoiced(invoice: &NewInvoice) -> NewEntry {
    let total = invoice.total;
    let part = |amount| Money::new(amount, total.currency);
    let postings = [
        debit(Ledger::CustomerPrepayments, total),
        credit(Ledger::SalesRevenue, part(invoice.net_of_goods())),
        credit(Ledger::ShippingRevenue, part(invoice.net_of_shipping())),
        credit(Ledger::VatPayable, part(invoice.vat())),
    ];
    of_order(EntryKind::Invoice, format!("invoice of order {}", invoice.order_id), invoice.order_id, postings)
}

/// The money for an order was given back. With an invoice the sale is taken back, else only the prepayment.
pub fn refunded(order_id: OrderId, terms: &Terms, invoice: Option<&Invoice>) -> NewEntry {
    let amount = terms.amount.money();
    let given_back = credit(taken_through(terms.method), amount);
    let memo = format!("refund of order {order_id}");
    match invoice {
        None => of_order(EntryKind::Refund, memo, order_id, [debit(Ledger::CustomerPrepayments, amount), given_back]),
        Some(invoice) => {
            let sides = [debit(Ledger::SalesReturns, invoice.net), debit(Ledger::VatPayable, invoice.vat), given_back];
            of_order(EntryKind::Refund, memo, order_id, sides)
        }
    }
}

/// A customer on account paid.
pub fn received(amount: Amount, memo: String) -> NewEntry {
    let amount = amount.money();
    let postings = vec![debit(Ledger::Bank, amount), credit(Ledger::CustomerReceivables, amount)];
    NewEntry { kind: EntryKind::Receipt, memo, order_id: None, reverses: None, postings }
}

fn taken_through(method: Method) -> Ledger {
    if method == Method::TokOnAccount { Ledger::CustomerReceivables } else { Ledger::ProviderReceivable }
}

fn debit(account: Ledger, amount: Money) -> Posting {
    Posting { account: account.code(amount.currency), amount }
}

fn credit(account: Ledger, amount: Money) -> Posting {
    debit(account, Money::new(-amount.amount, amount.currency))
}

fn of_order(kind: EntryKind, memo: String, order_id: OrderId, sides: impl IntoIterator<Item = Posting>) -> NewEntry {
    // Free shipping has no side, and a price of one cent may have no tax.
    let postings = sides.into_iter().filter(|side| side.amount.amount != 0).collect();
    NewEntry { kind, memo, order_id: Some(order_id), reverses: None, postings }
}

#[cfg(test)]
mod tests;
