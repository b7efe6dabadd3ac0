//! What it is told by its environment.

use std::{env, net::SocketAddr};

use anyhow::Context;

/// Where it listens, and to whom it forwards.
pub struct Settings {
    pub bind: String,
    pub ops_bind: String,
    pub service: SocketAddr,
}

impl Settings {
    /// An error names what is missing.
    pub fn read() -> anyhow::Result<Self> {
        let variable = |name: &'static str| env::var(name).context(name);
        let discovery = variable("DISCOVERY")?;
        let service = discovery.rsplit('/').next().unwrap_or_default().parse().context("DISCOVERY")?;
        Ok(Self { bind: variable("BIND")?, ops_bind: variable("OPS_BIND")?, service })
    }
}
