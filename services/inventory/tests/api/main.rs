//! Inventory on a real PostgreSQL and NATS, in process, each test with a database and a server of its own.
//! The files mirror the URLs; `access`, `contract`, `events`, `input` and `rivals` go across them.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod started;

mod dead_letters;
mod movements;
mod reservations;
mod stock;

mod access;
mod contract;
mod events;
mod input;
mod rivals;
mod seed;
