//! Events out and in: a transactional outbox with its relay, an inbox with its consumers, dead letters.
//! The only crate, with `registry`, that names NATS.

mod bus;
mod stream;

mod outbox;
mod relay;

mod broadcast;
mod consumer;
mod failures;
mod inbox;
mod subscription;

mod standalone;
mod tally;

pub mod dead_letters;

use std::sync::LazyLock;

use sqlx::migrate::Migrator;

pub use broadcast::{Heard, broadcast};
pub use bus::{Bus, Error};
pub use outbox::{announce, announce_all};
pub use standalone::{Standalone, Unacknowledged};
pub use subscription::{Reaction, Subscriptions};
pub use tally::{NoTally, Tallies};

/// The tables of this crate, in schema `messaging` of every service's database.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!();
    migrator.create_schema("messaging");
    migrator.dangerous_set_table_name("messaging._sqlx_migrations");
    migrator
});
