//! The earlier revision: which one it is, its source in a worktree, its `order` built.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::workspace::{cargo, programs, root, run, target};

/// What `order` is made of: another revision of anything else has the same one.
const PARTS: [&str; 9] = [
    "Cargo.lock",
    "services/order/src",
    "services/order/migrations",
    "shared/contracts",
    "shared/crash",
    "shared/database",
    "shared/messaging",
    "shared/registry",
    "shared/web",
];
/// Where the migrations stand that `order` runs at its start.
const MIGRATIONS: [&str; 2] = ["services/order/migrations", "shared/messaging/migrations"];

/// A revision before this one.
pub struct Earlier {
    /// Its hash.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
}

impl Earlier {
    /// The one asked for; or else the last in which `order` was not as it is now. None if there is no history.
    pub fn find(asked: Option<&str>) -> Result<Option<Self>> {
        if let Some(asked) = asked {
            let commit = resolve(asked).with_context(|| format!("`{asked}` is no revision of this repository"))?;
            return Self::of(commit).map(Some);
        }
        let history = |arguments: &[&str]| git(&[arguments, &["--"], &PARTS].concat()).unwrap_or_default();
        let changed = history(&["log", "--format=%H"]);
        // What is not committed yet is a change too, after the last one.
        let is_dirty = !history(&["status", "--porcelain"]).is_empty();
        let before = changed.lines().nth(usize::from(!is_dirty)).map(str::to_owned);
        before.or_else(|| resolve("HEAD~1")).map(Self::of).transpose()
    }

    fn of(commit: String) -> Result<Self> {
        let subject = git(&["log", "-1", "--format=%s", &commit]).context("git shows no such commit")?;
        Ok(Self { commit, subject })
    }

    /// Checks it out beside our own.
    pub fn check_out(&self) -> Result<()> {
        let source = source()?;
        fs::create_dir_all(target()?.join("upgrade"))?;
        if source.join(".git").exists() {
            let mut again = Command::new("git");
            again.arg("-C").arg(&source).args(["checkout", "--quiet", "--detach", "--force", &self.commit]);
            if run(&mut again).is_ok() {
                return Ok(());
            }
            // The target directory was kept, and the clone that it belonged to was not.
            fs::remove_dir_all(&source)?;
        }
        // Forced: an earlier one may be registered whose directory is gone.
        let add = ["worktree", "add", "--quiet", "--detach", "--force"];
        run(Command::new("git").arg("-C").arg(root()).args(add).arg(&source).arg(&self.commit))
    }
}

/// Builds the `order` that was checked out, among our own: the crates that both use are compiled once. Source and build
/// stay, so that the next time only what has changed is compiled.
pub fn build() -> Result<PathBuf> {
    ensure!(source()?.join("services/order/Cargo.toml").exists(), "it has no services/order");
    // Selected as by `workspace::build`, or the crates that both use had other features. The crates of the workspace
    // are kept apart by another profile: cargo tells them by their place in the workspace, which is the same.
    let arguments = ["build", "--locked", "--workspace", "--exclude", "xtask", "--bin", "order"];
    run(cargo()?.current_dir(source()?).env("CARGO_PROFILE_DEV_DEBUG", "false").args(arguments))?;
    // Our own will lie at the same place.
    let old = target()?.join("upgrade/order");
    fs::copy(programs(false)?.join("order"), &old).context("cannot keep the earlier `order`")?;
    Ok(old)
}

/// Why the revision that was built last cannot run on this one's schema, if it cannot.
pub fn cannot_come_back() -> Result<Option<String>> {
    let migrate = source()?.join("shared/database/src/migrate.rs");
    let takes_newer = fs::read_to_string(migrate).unwrap_or_default().contains("ignore_missing: true");
    let mut same = true;
    for directory in MIGRATIONS {
        same &= names(&source()?.join(directory))? == names(&root().join(directory))?;
    }
    let why = "it does not start on a schema newer than its own, and there are newer migrations";
    Ok((!takes_newer && !same).then(|| why.to_owned()))
}

fn source() -> Result<PathBuf> {
    Ok(target()?.join("upgrade/source"))
}

fn names(directory: &Path) -> Result<BTreeSet<String>> {
    let files = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned())).collect()
}

fn resolve(revision: &str) -> Option<String> {
    git(&["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]).ok()
}

fn git(arguments: &[&str]) -> Result<String> {
    let answer = Command::new("git").arg("-C").arg(root()).args(arguments).output().context("cannot run git")?;
    ensure!(answer.status.success(), "git {}: {}", arguments.join(" "), String::from_utf8_lossy(&answer.stderr));
    Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}
