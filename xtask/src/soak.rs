//! A steady load with faults, after which nothing may be left behind; see `e2e::soak`.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::soak;

use crate::trial;

/// How long, how much, and which faults.
#[derive(clap::Args)]
pub struct Options {
    /// For so many minutes, besides the warm-up
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// What callers begin in a second, however long they wait for answers
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Seconds without faults before; what is there then is the measure
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    warm_up: u64,
    #[command(flatten)]
    trial: trial::Options,
}

/// Runs it; fails if something is left behind.
pub async fn run(options: Options) -> Result<()> {
    let trial = options.trial.begin("soak")?;
    let (minutes, rate) = (options.minutes, options.rate);
    println!("seed {}, {minutes} minutes, {rate} a second; logs: {}", trial.seed, trial.directory.display());
    let settings = soak::Settings {
        programs: &trial.programs,
        directory: &trial.directory,
        seed: trial.seed,
        rate: options.rate,
        warm_up: Duration::from_secs(options.warm_up),
        lasts: Duration::from_mins(options.minutes),
        look: Duration::from_secs(5),
    };
    let report = soak::run(&settings).await?;
    println!("\n{report}");
    ensure!(report.left_behind.is_empty(), "something is left behind");
    Ok(())
}
