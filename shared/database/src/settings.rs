//! Where the database is and how many connections the service may hold.

use std::str::FromStr;

use clap::Args;
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
// No group: it would be named after the type, and `web::Settings` has the same name.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub struct Settings {
    /// URL of the service's own database, e.g. `postgres://inventory:…@127.0.0.1:5432/inventory`. Secret.
    #[arg(long = "database-url", env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub url: SecretString,

    /// How many connections this instance holds at the most (1 to 200). A transaction of ours takes one to three
    /// milliseconds, so eight serve some thousands of requests a second; more only queue in PostgreSQL.
    #[arg(long = "database-connections", env = "DATABASE_CONNECTIONS", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=200))]
    pub connections: u16,

    /// Makes all of them when the pool is opened. A process does: the first burst of requests after its start would
    /// otherwise wait for as many logins, and be refused where the machine is slow. Tests open hundreds of pools.
    #[arg(skip = true)]
    pub at_once: bool,
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

fn secret(text: &str) -> Result<SecretString, String> {
    // The message must not repeat the URL: it holds the password.
    PgConnectOptions::from_str(text).map_err(|_| "not a PostgreSQL URL".to_owned())?;
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        let error = secret("postgres://user:hunter2@host:port/x").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_url_prints_as_redacted() {
        let shown = format!("{:?}", Settings::of("postgres://user:hunter2@localhost/x"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
