//! The secrets of a suite on this machine: random, and kept with the data that they open.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// Every secret of one suite.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Password of PostgreSQL's superuser.
    pub superuser: String,
    /// Password of every service's own database role, made longer by the service's name.
    pub databases: String,
    /// Client secret of the gateway at auth.
    pub gateway_client: String,
    /// Client secret of the order service at auth.
    pub order_client: String,
    /// Client secret of the demonstration's machine client at auth.
    pub reporting_client: String,
    /// Key that encrypts auth's signing keys at rest: 32 bytes in base64.
    pub key_encryption: String,
}

impl Secrets {
    /// New ones.
    pub fn random() -> Self {
        Self {
            superuser: random_text(32),
            databases: random_text(32),
            gateway_client: random_text(32),
            order_client: random_text(32),
            reporting_client: random_text(32),
            key_encryption: BASE64_STANDARD.encode(rand::random::<[u8; 32]>()),
        }
    }

    /// Those kept in `file`, or new ones that are put there, readable by their owner only.
    pub fn kept(file: &Path) -> Result<Self> {
        if let Ok(text) = fs::read_to_string(file) {
            return serde_json::from_str(&text).with_context(|| format!("{} is not what was written", file.display()));
        }
        let secrets = Self::random();
        write_private(file, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }
}

/// `length` random letters and digits: some six bits each.
pub fn random_text(length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut random = rand::rng();
    (0..length).filter_map(|_| LETTERS.choose(&mut random)).map(|byte| char::from(*byte)).collect()
}

pub(crate) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut opened = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot create {}", file.display()))?;
    Ok(opened.write_all(text.as_bytes())?)
}
