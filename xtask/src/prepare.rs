//! What the machine must have.

use anyhow::Result;
use launch::packages::{self, Need};

/// Says what is here, installs what is not, says what to do where it may not.
pub fn setup() -> Result<()> {
    for need in Need::ALL {
        println!("{:<28} {}", need.name(), if need.is_met() { "here" } else { "missing" });
    }
    ensure()?;
    println!("This machine has all that the suite needs.");
    Ok(())
}

/// Installs what is missing; silent if nothing is.
pub fn ensure() -> Result<()> {
    packages::install(&mut |line| println!("{line}"))
}
