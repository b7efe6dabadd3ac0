//! The two sides of an upgrade: every process is this revision's, except `order`, which is whichever is wanted.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use launch::suite::Suite;

use crate::workspace::PROCESSES;

/// Whose `order` is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The earlier revision's.
    Old,
    /// This one's.
    New,
}

/// A directory of programs in which `order` can be exchanged; what runs stays what it is.
pub struct Sides {
    directory: PathBuf,
    old: PathBuf,
    new: PathBuf,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl Sides {
    /// Links to the `programs` of this revision, and to `old`.
    pub fn new(directory: &Path, programs: &Path, old: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        for (name, _) in PROCESSES {
            link(&programs.join(name), &directory.join(name))?;
        }
        Ok(Self { directory: directory.to_owned(), old: old.to_owned(), new: programs.join("order") })
    }

    /// The next `order` that starts is of this side.
    pub fn next_is(&self, side: Side) -> Result<()> {
        let program = if side == Side::Old { &self.old } else { &self.new };
        link(program, &self.directory.join("order"))
    }

    /// A suite of its own, with an `order` of this side.
    pub async fn suite(&self, side: Side) -> Result<Suite> {
        self.next_is(side)?;
        Suite::temporary_of_any_age(&self.directory).await
    }
}

fn link(to: &Path, at: &Path) -> Result<()> {
    if at.symlink_metadata().is_ok() {
        fs::remove_file(at)?;
    }
    symlink(to, at).with_context(|| format!("cannot link {} at {}", to.display(), at.display()))
}
