//! Where the database is and how many connections the service may hold.

use std::str::FromStr;

use clap::{ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

/// What PostgreSQL does with a session whose process is gone without a word, or stands still: the locks of a transaction
/// in which nothing happens are free after five seconds (ours ask nobody else meanwhile), and the session itself ends
/// after some twenty.
const ABANDONED: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "5s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20s"),
];

/// Settings of the service's own database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URL of the service's own database. Secret.
    pub url: SecretString,
    /// How many connections this instance holds at the most.
    pub connections: u16,
    /// Makes all of them when the pool is opened. A process does: the first burst of requests after its start would
    /// otherwise wait for as many logins, and be refused where the machine is slow. Tests open hundreds of pools.
    pub at_once: bool,
}

/// The settings as they were given.
// No group: it would be named after the type, and others have a group of the same name.
#[derive(Args)]
#[group(skip)]
struct Given {
    /// URL of the service's own database, e.g. `postgres://inventory:…@127.0.0.1:5432/inventory`. Secret.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,

    /// How many connections this instance holds at the most (1 to 200). A transaction of ours takes one to three
    /// milliseconds, so eight serve some thousands of requests a second; more only queue in PostgreSQL.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=200))]
    database_connections: u16,
}

impl TryFrom<Given> for Settings {
    type Error = clap::Error;

    fn try_from(given: Given) -> Result<Self, clap::Error> {
        let settings = Self { url: given.database_url, connections: given.database_connections, at_once: true };
        // Not by a value parser: clap repeats what that refuses, password and all.
        let url = settings.url.expose_secret();
        let usable = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !usable || settings.options().is_err() {
            return Err(clap::Error::raw(ErrorKind::ValueValidation, "DATABASE_URL is not a PostgreSQL URL\n"));
        }
        Ok(settings)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Given::from_arg_matches(matches)?.try_into()
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        Given::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Given::augment_args_for_update(command)
    }
}

impl Settings {
    /// Settings for the database at `url`, with the default number of connections, each made when it
    /// is needed.
    pub fn of(url: &str) -> Self {
        Self { url: url.to_owned().into(), connections: 8, at_once: false }
    }

    /// How to connect. The address was checked when the settings were read.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(self.url.expose_secret())?;
        Ok(options.options(ABANDONED).disable_statement_logging())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Settings, clap::Error> {
        let command = Settings::augment_args(Command::new("inventory"));
        Settings::from_arg_matches(&command.get_matches_from(["inventory", "--database-url", url]))
    }

    #[test]
    fn a_bad_url_is_refused_by_the_name_of_its_setting_and_not_repeated() {
        for bad in ["postgres://user:hunter2@host:port/x", "hunter2", "", "http://user:hunter2@host/x"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("DATABASE_URL") && !error.contains("hunter2"), "{bad}: {error}");
        }
        assert!(read("postgres://user:hunter2@localhost/x").is_ok());
    }

    #[test]
    fn the_url_prints_as_redacted() {
        let shown = format!("{:?}", Settings::of("postgres://user:hunter2@localhost/x"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
