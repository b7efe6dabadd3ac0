//! The rules of money: plain types and plain functions. Times and ids come in as parameters.

mod amount;
mod bookings;
mod credit;
mod entry;
mod invoice;
mod method;
mod payment;
mod refusal;
mod text;
mod vat;

pub use amount::{Amount, InvalidAmount};
pub use bookings::{captured, invoiced, received, refunded};
pub use credit::CustomerAccount;
pub use entry::{
    Account, AccountBalance, AccountKind, Entry, EntryId, EntryKind, Ledger, NewEntry, Posting, TrialBalance,
};
pub use invoice::{CreditNote, Invoice, InvoiceLine, Mismatch, NewInvoice};
pub use method::{Behaviour, METHODS, Method, PaymentMethod};
pub use payment::{Decline, Next, Payment, Reply, State, Terms, after, authorize, capture, read, refund, void};
pub use refusal::Refusal;
pub use text::{InvalidText, Text, UnknownName};
pub use vat::{VAT, Vat, allocate};
