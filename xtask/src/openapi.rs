//! The committed contracts, written anew by the processes themselves.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};

use crate::workspace::{PROCESSES, build, programs, root};

/// Asks each process for its contract and writes it to its openapi.json.
pub fn write() -> Result<()> {
    build(false)?;
    for (name, directory) in PROCESSES {
        let program = programs(false)?.join(name);
        let said = Command::new(&program).arg("openapi").output();
        let said = said.with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(said.status.success(), "{name} openapi failed: {}", String::from_utf8_lossy(&said.stderr));
        let path = root().join(directory).join("openapi.json");
        let before = fs::read(&path).unwrap_or_default();
        fs::write(&path, &said.stdout)?;
        let changed = if before == said.stdout { "as it was" } else { "changed" };
        println!("{directory}/openapi.json {changed}");
    }
    Ok(())
}
