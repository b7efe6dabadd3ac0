//! Randomized faults on the whole suite, with a load of shoppers; see `e2e::faults`.

use std::time::Duration;

use anyhow::Result;
use e2e::faults;

use crate::trial;

/// How long, and which faults.
#[derive(clap::Args)]
pub struct Options {
    /// For so many minutes; the last round is finished
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// How many buy at a time
    #[arg(long, default_value_t = 8)]
    shoppers: usize,
    #[command(flatten)]
    trial: trial::Options,
}

/// Runs them; fails if an invariant or a promise did not hold.
pub async fn run(options: Options) -> Result<()> {
    let trial = options.trial.begin("faults")?;
    println!("seed {}, {} minutes; logs and history: {}", trial.seed, options.minutes, trial.directory.display());
    let settings = faults::Settings {
        programs: &trial.programs,
        directory: &trial.directory,
        seed: trial.seed,
        lasts: Duration::from_mins(options.minutes),
        round: Duration::from_mins(1),
        shoppers: options.shoppers,
    };
    let report = faults::run(&settings).await?;
    println!("\nseed {}: nothing was lost\n{report}", trial.seed);
    Ok(())
}
