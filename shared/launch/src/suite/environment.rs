//! What each process is told.

use std::path::PathBuf;

use anyhow::Result;

use crate::{port::free_port, postgres::Access, secret::Secrets};

/// Every process, in order of need.
pub(super) const NAMES: [&str; 7] = ["auth", "store", "inventory", "accounting", "shipping", "gateway", "order"];

/// What is the same for all.
pub(super) struct Environment {
    pub(super) secrets: Secrets,
    pub(super) public_url: String,
    pub(super) faults: bool,
    nats_url: String,
    auth_port: u16,
    gateway_port: u16,
    policies: Option<PathBuf>,
}

impl Environment {
    pub(super) fn new(secrets: Secrets, public_url: String, gateway_port: u16, nats_url: String) -> Result<Self> {
        Ok(Self { secrets, public_url, faults: false, nats_url, auth_port: free_port()?, gateway_port, policies: None })
    }

    /// The same with other policies of the gateway than those that come with it.
    pub(super) fn governed_by(self, policies: PathBuf) -> Self {
        Self { policies: Some(policies), ..self }
    }

    /// The ports of a process' first instance: of the API, and of health and metrics.
    pub(super) fn ports(&self, name: &str) -> Result<(u16, u16)> {
        let api = match name {
            "auth" => self.auth_port,
            "gateway" => self.gateway_port,
            _ => free_port()?,
        };
        Ok((api, free_port()?))
    }

    /// A database and a role for each process that keeps data.
    pub(super) async fn create_databases(&self, access: &Access) -> Result<()> {
        for name in NAMES.into_iter().filter(|name| *name != "gateway") {
            access.create_service_database(name, &self.password(name)).await?;
        }
        Ok(())
    }

    pub(super) fn database_url(&self, name: &str, access: &Access) -> String {
        access.url(name, &self.password(name), name)
    }

    /// The environment variables of a process that listens on `ports`.
    pub(super) fn of(&self, name: &str, ports: (u16, u16), access: &Access) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("BIND", format!("127.0.0.1:{}", ports.0)),
            ("OPS_BIND", format!("127.0.0.1:{}", ports.1)),
            ("PUBLIC_URL", self.public_url.clone()),
            ("AUTH_URL", format!("http://127.0.0.1:{}/auth", self.auth_port)),
            ("NATS_URL", self.nats_url.clone()),
        ];
        if self.faults {
            all.push(("FAULTS", "true".to_owned()));
        }
        if name != "gateway" {
            all.push(("DATABASE_URL", self.database_url(name, access)));
            all.push(("SEED", "demo".to_owned()));
        }
        if let Some(policies) = self.policies.as_ref().filter(|_| name == "gateway") {
            all.push(("POLICIES", policies.display().to_string()));
        }
        if name == "auth" {
            all.push(("REPORTING_CLIENT_SECRET", self.secrets.reporting_client.clone()));
            all.push(("KEY_ENCRYPTION_KEY", self.secrets.key_encryption.clone()));
        }
        if matches!(name, "auth" | "gateway") {
            all.push(("GATEWAY_CLIENT_SECRET", self.secrets.gateway_client.clone()));
        }
        if matches!(name, "auth" | "order") {
            all.push(("ORDER_CLIENT_SECRET", self.secrets.order_client.clone()));
        }
        if name == "order" {
            all.push(("GATEWAY_URL", format!("http://127.0.0.1:{}", self.gateway_port)));
        }
        all
    }

    fn password(&self, name: &str) -> String {
        format!("{name}{}", self.secrets.databases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> Vec<(&'static str, String)> {
        let access = Access { host: "127.0.0.1".into(), port: 5432, password: "superuser-password".into() };
        let environment = Environment::new(Secrets::random(), "http://localhost:8080".into(), 8080, "nats://x".into());
        environment.unwrap().of(name, (1, 2), &access)
    }

    #[test]
    fn no_process_is_told_more_secrets_than_it_needs() {
        let secrets = |name: &str| {
            let told = told(name).into_iter().map(|(name, _)| name);
            told.filter(|it| it.ends_with("SECRET") || it.ends_with("KEY")).collect::<Vec<_>>()
        };
        assert!(secrets("inventory").is_empty());
        assert_eq!(secrets("gateway"), ["GATEWAY_CLIENT_SECRET"]);
        assert_eq!(secrets("order"), ["ORDER_CLIENT_SECRET"]);
        assert!(NAMES.iter().all(|name| !told(name).iter().any(|(_, value)| value.contains("superuser"))));
    }

    #[test]
    fn the_gateway_has_no_database() {
        assert!(!told("gateway").iter().any(|(name, _)| *name == "DATABASE_URL"));
        assert!(told("store").iter().any(|(name, value)| *name == "DATABASE_URL" && value.ends_with("/store")));
    }
}
