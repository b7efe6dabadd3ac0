//! Where things are, and running cargo there.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Every process, with its crate's directory.
pub const PROCESSES: [(&str, &str); 7] = [
    ("auth", "auth"),
    ("gateway", "gateway"),
    ("store", "services/store"),
    ("inventory", "services/inventory"),
    ("accounting", "services/accounting"),
    ("shipping", "services/shipping"),
    ("order", "services/order"),
];

/// The top of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Cargo's target directory: this program lies in a directory of it.
pub fn target() -> Result<PathBuf> {
    let here = env::current_exe()?;
    let target = here.parent().and_then(Path::parent).context("this program is not in a target directory")?;
    Ok(target.to_owned())
}

/// Where the built processes are.
pub fn programs(release: bool) -> Result<PathBuf> {
    Ok(target()?.join(if release { "release" } else { "debug" }))
}

/// A cargo command at the top of the repository, with the target directory that we run from.
pub fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target()?);
    Ok(cargo)
}

/// Runs a command with our output; an error names it.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}

/// Builds every process. With the features that the tests have too, or each command would compile the other's crates
/// again; but not this program, which is running.
pub fn build(release: bool) -> Result<()> {
    let mut build = cargo()?;
    build.args(["build", "--workspace", "--exclude", "xtask", "--bins"]);
    if release {
        build.arg("--release");
    }
    run(&mut build)
}

/// Builds every test and every process, which the end-to-end tests start.
pub fn build_tests() -> Result<()> {
    run(cargo()?.args(["build", "--workspace", "--all-targets"]))
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
