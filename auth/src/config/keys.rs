//! Settings of the signing keys, which servers and the command that rotates them share.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use time::Duration;

use crate::keys::Schedule;

/// Settings of the signing keys.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub struct KeySettings {
    /// Key under which signing keys are encrypted in the database: 32 random bytes in base64, e.g. from
    /// `openssl rand -base64 32`. The same for every instance. Secret.
    #[arg(long, env = "KEY_ENCRYPTION_KEY", hide_env_values = true)]
    pub key_encryption_key: SecretString,

    /// How many days a signing key signs before the next one does (1 to 365).
    #[arg(long, env = "KEY_ROTATION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub key_rotation_days: u16,

    /// How many seconds a signing key is published before it signs (0 to 3600): longer than anybody keeps the keys that
    /// were fetched.
    #[arg(long, env = "KEY_PUBLISHED_BEFORE_S", default_value_t = 300, value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub key_published_before_s: u16,
}

impl KeySettings {
    /// When signing keys come.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            signs_for: Duration::days(self.key_rotation_days.into()),
            published_before: Duration::seconds(self.key_published_before_s.into()),
        }
    }

    /// The bytes of `KEY_ENCRYPTION_KEY`.
    pub fn encryption_key(&self) -> anyhow::Result<[u8; 32]> {
        let bytes = STANDARD.decode(self.key_encryption_key.expose_secret()).unwrap_or_default();
        bytes.try_into().map_err(|_| anyhow::anyhow!("KEY_ENCRYPTION_KEY must be 32 bytes in base64"))
    }
}

/// Settings of `auth rotate-keys`.
#[derive(Clone, Debug, Args)]
pub struct RotateKeys {
    /// The database of the servers.
    #[command(flatten)]
    pub database: database::Settings,
    /// As the servers have them.
    #[command(flatten)]
    pub keys: KeySettings,
}
