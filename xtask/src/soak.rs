//! A steady load with faults, after which nothing may be left behind; see `e2e::soak`.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use e2e::soak;
use launch::random_text;

use crate::{
    prepare,
    workspace::{build, programs},
};

/// How long, how much, and which faults.
#[derive(clap::Args)]
pub struct Options {
    /// For so many minutes, besides the warm-up
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// What callers begin in a second, however long they wait for answers
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Declares the same faults at the same times again, and asks for the same
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds without faults before; what is there then is the measure
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    warm_up: u64,
    /// Take the processes' binaries from here instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Where logs and readings are kept; a new directory below the system's temporary one if not given
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// Runs it; fails if something is left behind.
pub async fn run(options: Options) -> Result<()> {
    prepare::ensure_for_tests()?;
    let built = match options.programs {
        Some(programs) => programs,
        None => build(false).and_then(|()| programs(false))?,
    };
    let seed = options.seed.unwrap_or_else(|| random_text(4).bytes().fold(0, |seed, byte| seed << 8 | u64::from(byte)));
    let named = || std::env::temp_dir().join(format!("retail-soak-{seed}-{}", random_text(6)));
    let directory = options.directory.unwrap_or_else(named);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    println!("seed {seed}, {} minutes, {} a second; logs: {}", options.minutes, options.rate, directory.display());
    let settings = soak::Settings {
        programs: &built,
        directory: &directory,
        seed,
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
