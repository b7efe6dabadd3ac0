//! Outbox, relay, inbox, consumers and dead letters, on real PostgreSQL and NATS.
#![allow(clippy::unwrap_used)]

mod cleaning;
mod consumer;
mod dead_letters;
mod kills;
mod poison;
mod relay;
mod setting;
mod storm;
mod tally;
