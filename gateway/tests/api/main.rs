//! The gateway in process, between real sockets: small services behind it, a scripted token endpoint beside it, a real
//! NATS under it.

// In helpers too a failed unwrap fails the test, with its place.
#![allow(clippy::unwrap_used)]

mod auth;
mod raw;
mod services;
mod world;

mod balancing;
mod bodies;
mod breaker;
mod bulkhead;
mod compose;
mod compress;
mod connections;
mod deadline;
mod discovery;
mod docs;
mod dpop;
mod ejection;
mod formats;
mod headers;
mod http_cache;
mod hygiene;
mod identity;
mod limits;
mod metering;
mod operations;
mod operators;
mod paths;
mod policies;
mod quota;
mod retry;
mod revocation;
mod shed;
mod status;
mod streams;
mod throttle;
mod tls;
