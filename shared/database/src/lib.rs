//! A service's private PostgreSQL: settings, a pool that does not ping, transactions that wake the outbox relay,
//! migrations.

mod error;
mod login;
mod migrate;
mod patience;
mod pool;
mod settings;
mod transaction;

pub use error::{Error, Result};
pub use login::log_in;
pub use migrate::migrate;
pub use patience::within;
pub use pool::{Conn, Pool, Single};
pub use settings::Settings;
pub use transaction::Tx;
