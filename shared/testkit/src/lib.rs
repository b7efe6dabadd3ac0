//! Infrastructure for tests: a database per test, a NATS server per test, tokens, requests, contracts, patience.
//! Never a dependency of a service, only of its tests.

pub mod nats;
pub mod postgres;

mod client;
mod contract;
mod eventually;
mod holder;
mod operations;
mod place;
mod redelivery;
mod tokens;

pub use client::{Answer, Client, NOBODY};
pub use contract::{Contract, assert_contract_is_committed};
pub use eventually::{Outcome, eventually};
pub use holder::Holder;
pub use launch::{Temporary, free_port};
pub use operations::Operations;
pub use tokens::Tokens;
pub use web::Clock;
