//! The store as others see it: over HTTP and events, on a real PostgreSQL and NATS. Files mirror URLs.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod carts;
mod categories;
mod checkouts;
mod contract;
mod demonstration;
mod order_confirmed;
mod picture;
mod product;
mod products;
mod refused_callers;
mod started;
mod stock_changed;
mod wrong_input;
