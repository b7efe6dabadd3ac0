//! The tool: kept under the target directory, in a Python environment of its own.

use std::{
    fmt, fs,
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
    pub extent: Extent,
    pub seed: u32,
}

/// How much is tried.
#[derive(Clone, Copy)]
pub enum Extent {
    /// As much as goes into these seconds; it learns from the answers what to try next.
    Seconds(u64),
    /// So many made-up cases for each operation, besides the examples and the borders of each schema. The seed alone
    /// decides which: nothing is learned from answers, whose ids and times differ from run to run.
    Cases(u32),
}

impl Schemathesis {
    /// Installs it, with all that it brings along, unless just these versions are there.
    pub fn install() -> Result<Self> {
        let environment = target()?.join("schemathesis").join(VERSION);
        let tool = environment.join("bin/schemathesis");
        let (wanted, installed) = (here("constraints.txt"), environment.join("constraints.txt"));
        let same = fs::read(&installed).is_ok_and(|there| fs::read(&wanted).is_ok_and(|wanted| wanted == there));
        if !same || !works(&tool) {
            println!("installing {VERSION} under {}", environment.display());
            make_environment(&environment)?;
            let mut pip = Command::new(environment.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", VERSION]);
            run(pip.arg("--constraint").arg(&wanted))?;
            ensure!(works(&tool), "{} does not work", tool.display());
            fs::copy(&wanted, &installed)?;
        }
        Ok(Self(tool))
    }

    /// Whether nothing was found. What was found is printed.
    pub fn run(&self, target: &Target) -> Result<bool> {
        let mut command = Command::new(&self.0);
        // What it finds is kept nowhere: a run depends on its seed only.
        let directory = target.contract.parent().context("a contract lies in a directory")?;
        let configuration = directory.join("schemathesis.toml");
        fs::write(&configuration, target.extent.configuration()?)?;
        command.current_dir(directory).env("SCHEMATHESIS_HOOKS", here("checks.py"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONHASHSEED", "0");
        command.arg("--config-file").arg(configuration).args(["--no-color", "run"]);
        command.arg(target.contract).args(["--origin", target.url]);
        command.args(["--header", &format!("Authorization: {}", target.credentials)]);
        command.args(target.extent.arguments()).args(["--seed", &target.seed.to_string()]);
        command.args(target.operations.iter().flat_map(|id| ["--include-operation-id", id]));
        command.args(["--generation-database", "none", "--request-timeout", REQUEST_TIMEOUT]);
        let status = command.status().context("cannot run schemathesis")?;
        // 1: something was found. Anything else is a failure of the tool or of what it was told.
        ensure!(matches!(status.code(), Some(0 | 1)), "schemathesis failed ({status})");
        Ok(status.success())
    }
}

impl Extent {
    fn configuration(self) -> Result<String> {
        let mut text = fs::read_to_string(here("schemathesis.toml"))?;
        if let Self::Cases(_) = self {
            text += &fs::read_to_string(here("repeatable.toml"))?;
        }
        Ok(text)
    }

    fn arguments(self) -> [String; 2] {
        match self {
            Self::Seconds(seconds) => ["--max-time".to_owned(), seconds.to_string()],
            Self::Cases(cases) => ["--max-examples".to_owned(), cases.to_string()],
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
            Self::Cases(cases) => write!(f, "{cases} cases each"),
        }
    }
}

fn here(file: &str) -> PathBuf {
    root().join("xtask/src/fuzz").join(file)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_with_a_given_number_of_cases_learns_nothing() {
        let text = Extent::Cases(20).configuration().unwrap();
        for learnt_from in
            ["[phases.stateful]", "[phases.fuzzing.error-feedback]", "[phases.fuzzing.extra-data-sources]"]
        {
            assert!(text.contains(learnt_from), "{learnt_from}");
        }
        assert!(!Extent::Seconds(20).configuration().unwrap().contains("error-feedback"));
    }

    #[test]
    fn the_tool_itself_stands_among_the_fixed_versions() {
        assert!(fs::read_to_string(here("constraints.txt")).unwrap().lines().any(|line| line == VERSION));
    }
}
