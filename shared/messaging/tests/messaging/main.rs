//! Outbox, relay, inbox, consumers and dead letters, on real PostgreSQL and NATS.
#![allow(clippy::unwrap_used)]

mod consumer;
mod dead_letters;
mod relay;
mod setting;
