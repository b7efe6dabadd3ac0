//! Settings: the only reader of the environment.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Settings of the accounting service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,
    /// The payment provider and what it is asked for.
    #[command(flatten)]
    pub payments: Payments,
    /// Who has credit at the first start. Without it: nobody.
    #[arg(long, env = "SEED", value_enum)]
    pub seed: Option<Seed>,
}

/// Settings of payments.
#[derive(Clone, Debug, Args)]
pub struct Payments {
    /// How long the payment provider may take for an answer, in milliseconds (100 to 60000). Then the caller gets 504
    /// provider_timeout and may ask again.
    #[arg(long, env = "PROVIDER_TIMEOUT_MS", default_value_t = 3_000,
          value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub provider_timeout_ms: u64,

    /// How long an authorization can be captured, in hours (1 to 8760).
    #[arg(long, env = "AUTHORIZATION_HOURS", default_value_t = 168,
          value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub authorization_hours: u32,
}

/// What is there at the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seed {
    /// Credit for customers of the demonstration.
    Demo,
}

impl Payments {
    /// How long the payment provider may take.
    pub fn provider_timeout(&self) -> Duration {
        Duration::from_millis(self.provider_timeout_ms)
    }

    /// How long an authorization can be captured.
    pub fn authorization_lifetime(&self) -> time::Duration {
        time::Duration::hours(self.authorization_hours.into())
    }
}
