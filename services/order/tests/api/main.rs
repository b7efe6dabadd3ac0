//! Order as others see it: over HTTP and events, on a real PostgreSQL and NATS, with a stand-in for the gateway and
//! everybody behind it. Files mirror URLs, except those about how sagas go.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod by_hand;
mod cancellation;
mod checkout;
mod contract;
mod events;
mod fulfilment;
mod gateway;
mod idempotency;
mod orders;
mod reconciliations;
mod recording;
mod refused_callers;
mod sagas;
mod silence;
mod started;
mod takeover;
