//! The gateway's policies for suites of tests: as they come, but nobody asks too often. Tests come all from one address and
//! share a client, and load is what many of them make.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

const STANDARD: &str = include_str!("../../../../gateway/policies.toml");
/// Of what is asked for within a time; a day's quota is counted all the same.
const MOST: &str = "requests = 10_000_000, seconds = 1";

/// Writes them into this directory; answers where.
pub(super) fn write(directory: &Path) -> Result<PathBuf> {
    let file = directory.join("policies.toml");
    fs::write(&file, policies()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn policies() -> String {
    let lavish = |line: &str| match line.split_once("{ requests = ") {
        Some((limit, _)) => format!("{limit}{{ {MOST} }}\n"),
        None if line.starts_with("day = ") => "day = 1_000_000_000\n".to_owned(),
        None => format!("{line}\n"),
    };
    let (plans, addresses) = STANDARD.split_once("[addresses]").unwrap_or((STANDARD, ""));
    let rest = addresses.split_once("\n\n").map_or("", |(_, rest)| rest);
    plans.lines().map(lavish).chain(["\n".to_owned(), rest.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_too_often_and_all_else_is_as_it_comes() {
        let policies = policies();
        assert!(policies.contains("[plan.free]\nclient = { requests = 10_000_000, seconds = 1 }\n"));
        assert!(policies.contains("\nday = 1_000_000_000\n") && !policies.contains("\n[addresses]"));
        assert!(policies.contains("\nroutes = [\n") && policies.contains("\n[breaker.usual]\nwindow = 10\n"));
    }
}
