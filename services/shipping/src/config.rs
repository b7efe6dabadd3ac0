//! Settings: the only reader of the environment.

use clap::Args;

/// Settings of the shipping service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,
}
