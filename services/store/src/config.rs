//! The settings: the only place where the environment is read.

use clap::{Args, ValueEnum};

/// Everything the store can be told from outside.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process is told.
    #[command(flatten)]
    pub web: web::Settings,
    /// Where the store's own database is.
    #[command(flatten)]
    pub database: database::Settings,
    /// Data to load at the start. What is there already stays as it is.
    #[arg(long, env = "SEED", value_enum)]
    pub seed: Option<Seed>,
}

/// Data that can be loaded at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seed {
    /// The catalogue of the demonstration: 24 products with pictures.
    Demo,
}
