//! What every long trial of the whole suite starts with.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use launch::random_text;

use crate::{
    prepare,
    workspace::{build, programs},
};

/// What decides it, and where it happens.
// No group: it would be named after the type, and those who have these options have one of the same name.
#[derive(clap::Args)]
#[group(skip)]
pub struct Options {
    /// Does the same at the same times again, and asks for the same; what that meets depends on the machine
    #[arg(long)]
    seed: Option<u64>,
    /// Take the processes' binaries from here instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Where logs and readings are kept; a new directory below the system's temporary one if not given
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// One that is ready to begin.
pub struct Trial {
    pub seed: u64,
    pub programs: PathBuf,
    pub directory: PathBuf,
}

impl Options {
    /// Installs, builds and makes what is missing. `name` is part of the name of a new directory.
    pub fn begin(self, name: &str) -> Result<Trial> {
        prepare::ensure_for_tests()?;
        let programs = match self.programs {
            Some(programs) => programs,
            None => build(false).and_then(|()| programs(false))?,
        };
        let seed = self.seed.unwrap_or_else(|| random_seed().into());
        let named = || std::env::temp_dir().join(format!("retail-{name}-{seed}-{}", random_text(6)));
        let directory = self.directory.unwrap_or_else(named);
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(Trial { seed, programs, directory })
    }
}

/// Short enough to be typed again.
pub fn random_seed() -> u32 {
    random_text(4).bytes().fold(0, |seed, byte| seed << 8 | u32::from(byte))
}
