//! What every HTTP service does alike: start and stop, health, telemetry, problems, who calls, contracts.
//! In the order in which a process meets them.

pub mod settings;

mod clock;
mod health;
mod process;
mod registration;
mod server;
mod service;
pub mod telemetry;

mod body;
pub mod contract;
mod deadline;
mod drain;
pub mod faults;
mod keep;
mod middleware;
mod paging;
mod problem;
mod query;

mod caller;
mod keys;
mod verifier;

pub use body::{Json, Raw};
pub use caller::{Allowed, Authenticated, Caller, Permission};
pub use clock::Clock;
pub use deadline::{Deadline, NoTime, REQUEST_TIMEOUT, request_timeout};
pub use faults::Faults;
pub use keep::{Keep, is_known, not_modified, validated};
pub use middleware::{answered, around};
pub use paging::{Page, Paging};
pub use problem::{FieldError, Problem};
pub use process::{Errand, main, main_with};
pub use query::{Path, Query};
pub use server::{Door, Server, listen};
pub use service::{Handle, Service};
pub use settings::Settings;
pub use verifier::Verifier;
