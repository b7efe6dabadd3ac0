//! PostgreSQL, NATS and the suite's processes on this machine: found, installed, started, broken on purpose, stopped.
//! Used by `testkit`, `xtask` and `e2e`; never a dependency of a service.

pub mod backup;
pub mod link;
pub mod nats;
pub mod packages;
pub mod postgres;
pub mod suite;

mod account;
mod directory;
mod leash;
mod port;
mod process;
mod program;
mod secret;

pub use directory::Temporary;
pub use leash::remove_container_at_end;
pub use port::free_port;
pub use process::{Process, tail};
pub use secret::{Secrets, random_text};
