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
    #[arg(long, env = "KEY_ENCRYPTION_KEY", hide_env_values = true, value_parser = encryption_key)]
    pub key_encryption_key: SecretString,

    /// Secret of the client `gateway`, which exchanges tokens: random, at least 32 characters. Secret.
    #[arg(long, env = "GATEWAY_CLIENT_SECRET", hide_env_values = true, value_parser = client_secret)]
    pub gateway_client_secret: SecretString,

    /// Secret of the client `order`, which calls the participants of an order: random, at least 32 characters. Secret.
    #[arg(long, env = "ORDER_CLIENT_SECRET", hide_env_values = true, value_parser = client_secret)]
    pub order_client_secret: SecretString,

    /// Secret of the demonstration's client `reporting`: random, at least 32 characters. Needed with SEED=demo. Secret.
    #[arg(long, env = "REPORTING_CLIENT_SECRET", hide_env_values = true, value_parser = client_secret,
          required_if_eq("seed", "demo"))]
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
    /// The bytes of `KEY_ENCRYPTION_KEY`.
    pub fn encryption_key(&self) -> anyhow::Result<[u8; 32]> {
        decode(self.key_encryption_key.expose_secret()).map_err(anyhow::Error::msg)
    }
}

fn encryption_key(text: &str) -> Result<SecretString, String> {
    decode(text).map(|_| text.to_owned().into())
}

// The messages never repeat what was given: they go to logs.
fn decode(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text).map_err(|_| "not base64".to_owned())?;
    bytes.try_into().map_err(|_| "must be 32 bytes in base64".to_owned())
}

fn client_secret(text: &str) -> Result<SecretString, String> {
    if text.len() < SHORTEST_CLIENT_SECRET {
        return Err(format!("must be random and have at least {SHORTEST_CLIENT_SECRET} characters"));
    }
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_secrets_are_refused_without_repeating_them() {
        for refused in [client_secret("hunter2").unwrap_err(), encryption_key("hunter2=").unwrap_err()] {
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!(client_secret(&"x".repeat(32)).is_ok());
        assert!(encryption_key(&STANDARD.encode([1; 32])).is_ok());
        assert!(encryption_key(&STANDARD.encode([1; 16])).is_err());
    }
}
