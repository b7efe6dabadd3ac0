//! The clock of one process, set ahead or back while it runs, by libfaketime. Only what tells the time of day is changed:
//! how long something lasts is measured as ever.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::program::faketime;

/// Where the clocks stand.
pub(super) struct Clocks {
    faketime: PathBuf,
    directory: PathBuf,
}

impl Clocks {
    /// Clocks that are read from files in `directory`.
    pub(super) fn in_directory(directory: &Path) -> Result<Self> {
        let faketime = faketime().context("libfaketime is not on this machine")?;
        Ok(Self { faketime, directory: directory.to_owned() })
    }

    /// Sets the clock of `id` by so many seconds; the process sees it within one.
    pub(super) fn set(&self, id: &str, ahead: i64) -> Result<()> {
        let file = self.file(id);
        let draft = file.with_extension("draft");
        fs::write(&draft, format!("{ahead:+}")).with_context(|| format!("cannot write {}", draft.display()))?;
        // It is read at any moment: never half written.
        Ok(fs::rename(&draft, &file)?)
    }

    /// Lets the process `id` read its clock from its file.
    pub(super) fn lend(&self, id: &str, told: &mut Vec<(&'static str, String)>) -> Result<()> {
        let file = self.file(id);
        if !file.exists() {
            self.set(id, 0)?;
        }
        let text = |path: &Path| path.to_string_lossy().into_owned();
        told.push(("LD_PRELOAD", text(&self.faketime)));
        told.push(("FAKETIME_TIMESTAMP_FILE", text(&file)));
        told.push(("FAKETIME_CACHE_DURATION", "1".to_owned()));
        told.push(("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()));
        // What it would share with its children stays behind in memory when it is killed.
        told.push(("FAKETIME_DISABLE_SHM", "1".to_owned()));
        Ok(())
    }

    fn file(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.clock"))
    }
}
