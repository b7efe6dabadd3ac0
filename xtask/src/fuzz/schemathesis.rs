//! The tool: kept under the target directory, in a Python environment of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::workspace::{root, run, target};

const VERSION: &str = "schemathesis==4.32.5";
/// Longer than anything may take.
const REQUEST_TIMEOUT: &str = "40";

/// The installed tool.
pub struct Schemathesis(PathBuf);

/// What one run is about.
pub struct Target<'a> {
    pub contract: &'a Path,
    /// By their ids; none: all.
    pub operations: &'a [String],
    /// The public origin.
    pub url: &'a str,
    /// Value of the `Authorization` header.
    pub credentials: &'a str,
    pub seconds: u64,
    pub seed: u32,
}

impl Schemathesis {
    /// Installs it if this version is not there.
    pub fn install() -> Result<Self> {
        let environment = target()?.join("schemathesis").join(VERSION);
        let tool = environment.join("bin/schemathesis");
        if !works(&tool) {
            println!("installing {VERSION} under {}", environment.display());
            make_environment(&environment)?;
            let mut pip = Command::new(environment.join("bin/python"));
            run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", VERSION]))?;
            ensure!(works(&tool), "{} does not work", tool.display());
        }
        Ok(Self(tool))
    }

    /// Whether nothing was found. What was found is printed.
    pub fn run(&self, target: &Target) -> Result<bool> {
        let mut command = Command::new(&self.0);
        // What it finds is kept nowhere: a run depends on its seed only.
        command.current_dir(target.contract.parent().context("a contract lies in a directory")?);
        let here = root().join("xtask/src/fuzz");
        command.env("SCHEMATHESIS_HOOKS", here.join("checks.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg("--config-file").arg(here.join("schemathesis.toml")).args(["--no-color", "run"]);
        command.arg(target.contract).args(["--origin", target.url]);
        command.args(["--header", &format!("Authorization: {}", target.credentials)]);
        command.args(["--max-time", &target.seconds.to_string(), "--seed", &target.seed.to_string()]);
        command.args(target.operations.iter().flat_map(|id| ["--include-operation-id", id]));
        command.args(["--generation-database", "none", "--request-timeout", REQUEST_TIMEOUT]);
        let status = command.status().context("cannot run schemathesis")?;
        // 1: something was found. Anything else is a failure of the tool or of what it was told.
        ensure!(matches!(status.code(), Some(0 | 1)), "schemathesis failed ({status})");
        Ok(status.success())
    }
}

fn works(tool: &Path) -> bool {
    let version = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Debian and Ubuntu keep this part of Python in a package of its own.
fn make_environment(path: &Path) -> Result<()> {
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(path));
    if make().is_ok() {
        return Ok(());
    }
    println!("installing python3-venv");
    let install = "become=; [ $(id -u) = 0 ] || become='sudo -n'
        $become apt-get -qq update && $become apt-get -qq install -y python3-venv";
    run(Command::new("sh").args(["-c", install])).context("install Python 3 with venv")?;
    make()
}
