//! What the suite needs of this machine, and how to get it: by apt-get where we may, else by telling how.

mod apt;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{nats, postgres, program};

/// A thing that must be on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// PostgreSQL's server programs.
    Postgres,
    /// `nats-server`.
    Nats,
    /// A C compiler, for the cryptography.
    Compiler,
    /// `libfaketime`, which tests set the clock of one process with.
    Faketime,
    /// nginx, which the gateway is measured against.
    Nginx,
}

impl Need {
    /// What the suite is built and run with.
    pub const TO_RUN: [Self; 3] = [Self::Postgres, Self::Nats, Self::Compiler];
    /// What its tests need as well.
    pub const TO_TEST: [Self; 4] = [Self::Postgres, Self::Nats, Self::Compiler, Self::Faketime];

    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL server programs",
            Self::Nats => "nats-server",
            Self::Compiler => "C compiler",
            Self::Faketime => "libfaketime",
            Self::Nginx => "nginx",
        }
    }

    /// Whether it is there.
    pub fn is_met(self) -> bool {
        match self {
            Self::Postgres => postgres::is_installed(),
            Self::Nats => nats::is_installed(),
            Self::Compiler => ["cc", "gcc", "clang"].iter().any(|it| program::find(it, &[]).is_some()),
            Self::Faketime => program::faketime().is_some(),
            Self::Nginx => nginx().is_some(),
        }
    }

    /// What the package is called by apt, dnf, pacman and brew.
    fn packages(self) -> [&'static str; 4] {
        match self {
            Self::Postgres => ["postgresql", "postgresql-server", "postgresql", "postgresql@17"],
            Self::Nats => ["nats-server", "nats-server", "nats-server", "nats-server"],
            Self::Compiler => ["gcc libc6-dev", "gcc", "gcc", "gcc"],
            Self::Faketime => ["libfaketime", "libfaketime", "libfaketime", "libfaketime"],
            Self::Nginx => ["nginx"; 4],
        }
    }
}

/// Where nginx is, which is in no user's PATH.
pub fn nginx() -> Option<PathBuf> {
    program::find("nginx", &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
}

/// Which of these are not there.
pub fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !need.is_met()).collect()
}

/// Installs what of `wanted` is missing if this user may (root, or sudo without a password, and apt-get). Each command is told to
/// `say` before it runs. Where it may not, or that did not help, the error says exactly what to do.
pub fn install(wanted: &[Need], say: &mut dyn FnMut(&str)) -> Result<()> {
    let needs = missing(wanted);
    if needs.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = needs.iter().map(|need| need.name()).collect();
    say(&format!("missing on this machine: {}", names.join(", ")));
    if let Some(privilege) = apt::Privilege::find() {
        let packages: Vec<_> = needs.iter().flat_map(|need| need.packages()[0].split(' ')).collect();
        apt::install(&packages, privilege, say)?;
    }
    match missing(wanted) {
        still if still.is_empty() => Ok(()),
        still => bail!("{}", instructions(&still)),
    }
}

/// What to type for each package manager; the one that is here comes alone.
fn instructions(needs: &[Need]) -> String {
    let managers = [
        ("apt-get", "Debian, Ubuntu", "sudo apt-get install --no-install-recommends"),
        ("dnf", "Fedora", "sudo dnf install"),
        ("pacman", "Arch", "sudo pacman -S"),
        ("brew", "macOS", "brew install"),
    ];
    let names: Vec<_> = needs.iter().map(|need| need.name()).collect();
    let line = |index: usize| {
        let (_, system, command) = managers[index];
        let packages: Vec<_> = needs.iter().map(|need| need.packages()[index]).collect();
        format!("  {system}: {command} {}", packages.join(" "))
    };
    let here: Vec<_> = (0..managers.len()).filter(|index| program::find(managers[*index].0, &[]).is_some()).collect();
    let shown = if here.is_empty() { (0..managers.len()).collect() } else { here };
    let lines: Vec<_> = shown.into_iter().map(line).collect();
    let mut text = format!("please install {}, then try again:\n{}", names.join(", "), lines.join("\n"));
    if needs.contains(&Need::Nats) && !Path::new("/etc/debian_version").exists() {
        text += "\n  Where no package is found: the single binary from https://github.com/nats-io/nats-server/releases, \
                 put into a directory of the PATH.";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_name_every_missing_package() {
        let text = instructions(&[Need::Postgres, Need::Nats]);
        assert!(text.contains("PostgreSQL server programs, nats-server"), "{text}");
        assert!(text.contains("postgresql") && text.contains("install"), "{text}");
        assert!(!text.contains("gcc"), "{text}");
    }
}
