//! The SQL: one function per question.

pub mod idempotency_keys;
pub mod orders;
pub mod orphans;
pub mod saga_log;
pub mod sagas;

mod name;

pub use name::Name;
