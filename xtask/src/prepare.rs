//! What the machine must have.

use anyhow::Result;
use launch::packages::{self, Need};

/// Says what is here, installs what is not, says what to do where it may not.
pub fn setup() -> Result<()> {
    for need in Need::TO_TEST {
        println!("{:<28} {}", need.name(), if need.is_met() { "here" } else { "missing" });
    }
    ensure_for_tests()?;
    println!("This machine has all that the suite needs.");
    Ok(())
}

/// Installs what is missing to run the suite; silent if nothing is.
pub fn ensure() -> Result<()> {
    packages::install(&Need::TO_RUN, &mut |line| println!("{line}"))
}

/// Installs what is missing to run its tests as well.
pub fn ensure_for_tests() -> Result<()> {
    packages::install(&Need::TO_TEST, &mut |line| println!("{line}"))
}
