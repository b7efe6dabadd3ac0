//! Accounting as others see it: over HTTP and events, on a real PostgreSQL and NATS. Files mirror URLs.
#![allow(clippy::unwrap_used)] // In a test, helpers included, a panic is the answer.

mod contract;
mod customer_accounts;
mod entries;
mod invoices;
mod ledger;
mod payments;
mod provider;
mod refused_callers;
mod rivals;
mod started;
mod usage_statements;
mod visibility;
mod wrong_input;
