//! Randomized faults on the whole suite, with a load of shoppers; see `e2e::faults`.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use e2e::faults;
use launch::random_text;

use crate::{
    prepare,
    workspace::{build, programs},
};

/// How long, and which faults.
#[derive(clap::Args)]
pub struct Options {
    /// For so many minutes; the last round is finished
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// Breaks the same things at the same times again, and buys the same; what they meet depends on the machine
    #[arg(long)]
    seed: Option<u64>,
    /// How many buy at a time
    #[arg(long, default_value_t = 8)]
    shoppers: usize,
    /// Take the processes' binaries from here instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Where logs and history are kept; a new directory below the system's temporary one if not given
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// Runs them; fails if an invariant or a promise did not hold.
pub async fn run(options: Options) -> Result<()> {
    prepare::ensure_for_tests()?;
    let built = match options.programs {
        Some(programs) => programs,
        None => build(false).and_then(|()| programs(false))?,
    };
    let seed = options.seed.unwrap_or_else(rand_seed);
    let named = || std::env::temp_dir().join(format!("retail-faults-{seed}-{}", random_text(6)));
    let directory = options.directory.unwrap_or_else(named);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    println!("seed {seed}, {} minutes; logs and history: {}", options.minutes, directory.display());
    let settings = faults::Settings {
        programs: &built,
        directory: &directory,
        seed,
        lasts: Duration::from_mins(options.minutes),
        round: Duration::from_mins(1),
        shoppers: options.shoppers,
    };
    let report = faults::run(&settings).await?;
    println!("\nseed {seed}: nothing was lost\n{report}");
    Ok(())
}

fn rand_seed() -> u64 {
    random_text(4).bytes().fold(0, |seed, byte| seed << 8 | u64::from(byte))
}
