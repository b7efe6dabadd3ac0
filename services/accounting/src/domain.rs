//! The rules of money: plain types and plain functions. Times and ids come in as parameters.

mod account;
mod amount;
mod bookings;
mod charge;
mod credit;
mod entry;
mod invoice;
mod method;
mod payment;
mod refusal;
mod text;
mod usage;
mod vat;

pub use account::{Account, AccountBalance, AccountKind, AccountPosting, Ledger, TrialBalance};
pub use amount::{Amount, CreditLimit, InvalidAmount, InvalidLimit};
pub use bookings::{captured, invoiced, received, refunded};
pub use charge::ChargeState;
pub use credit::{CustomerAccount, Receipt, credit_used};
pub use entry::{Entry, EntryId, EntryKind, NewEntry, Posting};
pub use invoice::{CreditNote, Invoice, InvoiceLine, Mismatch, NewInvoice};
pub use method::{Behaviour, METHODS, Method, PaymentMethod};
pub use payment::{Decline, Next, Payment, Reply, State, Terms, after, authorize, capture, refund, void};
pub use refusal::Refusal;
pub use text::{InvalidText, Text, UnknownName};
pub use usage::{InvalidMonth, Month, UsageLine, UsageStatement, metered};
pub use vat::{VAT, Vat, allocate};
