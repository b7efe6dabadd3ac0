//! Shipping as others see it: over HTTP and events, on a real PostgreSQL and NATS. Files mirror URLs.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod announcement;
mod contract;
mod order_confirmed;
mod quotes;
mod rates;
mod recovery;
mod refused_callers;
mod shipments;
mod started;
mod tracking;
mod transit;
mod wrong_input;
