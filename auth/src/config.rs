//! Settings: the only reader of the environment.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

const SHORTEST_CLIENT_SECRET: usize = 32;

/// Settings of the token service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,

    /// Key under which signing keys are encrypted in the database: 32 random bytes in base64, e.g. from
    /// `openssl rand -base64 32`. The same for every instance. Secret.
    #[arg(long, env = "KEY_ENCRYPTION_KEY", hide_env_values = true)]
    pub key_encryption_key: SecretString,

    /// Secret of the client `gateway`, which exchanges tokens: random, at least 32 characters. Secret.
    #[arg(long, env = "GATEWAY_CLIENT_SECRET", hide_env_values = true)]
    pub gateway_client_secret: SecretString,

    /// Secret of the client `order`, which calls the participants of an order: random, at least 32 characters. Secret.
    #[arg(long, env = "ORDER_CLIENT_SECRET", hide_env_values = true)]
    pub order_client_secret: SecretString,

    /// Secret of the demonstration's client `reporting`: random, at least 32 characters. Needed with SEED=demo. Secret.
    #[arg(long, env = "REPORTING_CLIENT_SECRET", hide_env_values = true, required_if_eq("seed", "demo"))]
    pub reporting_client_secret: Option<SecretString>,

    /// What to fill an empty database with. `demo`: the users and clients of the demonstration, with known passwords.
    #[arg(long, env = "SEED", value_enum)]
    pub seed: Option<Seed>,

    /// How many passwords are checked at the same time (1 to 64). Each check takes 19 MiB and a core for some 30 ms.
    #[arg(long, env = "PASSWORD_CHECKS", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub password_checks: u8,
}

/// What to fill an empty database with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seed {
    /// The users and clients of the demonstration.
    Demo,
}

impl Config {
    /// Refuses secrets that are too weak. Not by value parsers: clap repeats what they refuse, and that goes to logs.
    pub fn check(&self) -> anyhow::Result<()> {
        self.encryption_key()?;
        strong("GATEWAY_CLIENT_SECRET", &self.gateway_client_secret)?;
        strong("ORDER_CLIENT_SECRET", &self.order_client_secret)?;
        self.reporting_client_secret.as_ref().map_or(Ok(()), |secret| strong("REPORTING_CLIENT_SECRET", secret))
    }

    /// The bytes of `KEY_ENCRYPTION_KEY`.
    pub fn encryption_key(&self) -> anyhow::Result<[u8; 32]> {
        let bytes = STANDARD.decode(self.key_encryption_key.expose_secret()).unwrap_or_default();
        bytes.try_into().map_err(|_| anyhow::anyhow!("KEY_ENCRYPTION_KEY must be 32 bytes in base64"))
    }
}

fn strong(name: &str, secret: &SecretString) -> anyhow::Result<()> {
    let long_enough = secret.expose_secret().len() >= SHORTEST_CLIENT_SECRET;
    anyhow::ensure!(long_enough, "{name} must be random and have at least {SHORTEST_CLIENT_SECRET} characters");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn read(gateway: &str, key: &str) -> Config {
        let long = "x".repeat(32);
        let given = [
            ("--database-url", "postgres://127.0.0.1/auth"),
            ("--key-encryption-key", key),
            ("--gateway-client-secret", gateway),
            ("--order-client-secret", &long),
        ];
        let flags = given.iter().flat_map(|(flag, value)| [*flag, *value]);
        let matches = Config::augment_args(Command::new("auth")).get_matches_from(["auth"].into_iter().chain(flags));
        Config::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn weak_secrets_are_refused_without_repeating_them() {
        let (long, key) = ("x".repeat(32), STANDARD.encode([1; 32]));
        assert!(read(&long, &key).check().is_ok());
        for weak in [read("hunter2", &key), read(&long, "hunter2="), read(&long, &STANDARD.encode(b"hunter2"))] {
            let refused = format!("{:?}", weak.check().unwrap_err());
            assert!(refused.contains("must be") && !refused.contains("hunter2"), "{refused}");
            assert!(!format!("{weak:?}").contains("hunter2"), "settings print their secrets");
        }
    }
}
