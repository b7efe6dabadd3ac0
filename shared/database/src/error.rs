//! What can go wrong with the database, and what a caller may want to know of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The result of a question to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL or the way to it failed, or a constraint was violated.
    #[error(transparent)]
    Sql(sqlx::Error),
    /// No connection came free in time.
    #[error("no database connection came free in time")]
    PoolTimeout,
    /// The database was asked and did not answer in time. What it was asked to do may have happened.
    #[error("the database does not answer")]
    Silent,
    /// The schema could not be brought up to date.
    #[error("migration failed")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// Rises whenever a connection broke anywhere in this process; the pool then checks each connection once before use.
static BREAKS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn breaks_so_far() -> u64 {
    BREAKS.load(Ordering::Relaxed)
}

pub(crate) fn note_break() {
    BREAKS.fetch_add(1, Ordering::Relaxed);
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if connection_broke(&error) {
            note_break();
        }
        Self::Sql(error)
    }
}

impl Error {
    /// The name of the constraint that was violated, if that is what happened.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// The SQLSTATE that PostgreSQL gave, if it answered.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code().map(std::borrow::Cow::into_owned),
            _ => None,
        }
    }

    /// The database cannot be reached or is overloaded: the same question may be answered later.
    pub fn unavailable(&self) -> bool {
        match self {
            Self::Sql(error) => connection_broke(error),
            Self::PoolTimeout | Self::Silent => true,
            Self::Migrate(_) => false,
        }
    }
}

fn connection_broke(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Class 08: connection exception. Class 57P: shutting down or starting up. 53300: too many connections. 25P03:
        // ended because nothing happened in its transaction.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || ["53300", "25P03"].contains(&code.as_ref())
        }),
        _ => false,
    }
}
