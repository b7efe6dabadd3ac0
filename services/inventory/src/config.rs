//! Settings: the only reader of the environment.

use clap::{Args, ValueEnum};

/// Settings of the inventory service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,
    /// What to put on the shelf at the first start. Without it: nothing.
    #[arg(long, env = "SEED", value_enum)]
    pub seed: Option<Seed>,
}

/// What is there at the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seed {
    /// The products of the demonstration.
    Demo,
}
