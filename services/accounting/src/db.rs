//! The SQL: one function per question.

mod accounts;
mod charges;
mod customer_accounts;
mod entries;
mod invoices;
mod payments;
mod receipts;
mod usage;
mod violations;

pub use accounts::{account_exists, find_unknown_account, list_accounts, list_postings, trial_balance};
pub use charges::{authorize_charge, capture_charge, refund_charge, void_charge};
pub use customer_accounts::{
    change_balance, find_customer_account, insert_customer_account, lock_customer_account, update_credit_limit,
};
pub use entries::{WantedEntries, find_entry, find_reversal, insert_entry, list_entries};
pub use invoices::{
    Series, find_invoice, find_invoice_of_order, insert_credit_note, insert_invoice, list_invoices, take_number,
};
pub use payments::{
    Progress, WantedPayments, advance_payment, find_payment, insert_payment, list_payments, lock_payment,
    refundable_on_account,
};
pub use receipts::{find_receipt, insert_receipt, list_receipts};
pub use usage::{WantedUsage, add_usage, list_usage};
pub use violations::{Violation, list_violations};

/// The thing that a column names, as the domain's type. The constraints of the tables admit nothing that fails here.
fn name<T: std::str::FromStr>(text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
