//! The suite as a customer, a clerk or an operator uses it: over HTTP, through the gateway, with a login like a
//! browser's. For the end-to-end tests and `cargo retail demo`.

mod browser;
pub mod faults;
pub mod invariants;
mod machine;
pub mod reconciliation;
mod shopper;
pub mod soak;
mod timeline;

pub use browser::{Browser, Landing, Visit, log_in, log_in_with, log_out};
pub use machine::{basic, client_token};
pub use shopper::{Answer, Purchase, Shopper, patiently};
pub use timeline::print as print_timeline;
