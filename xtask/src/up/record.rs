//! Who runs the suite, so that `down` and `demo` find it and nobody runs it twice on the same data.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What stands in `up.json` while a suite runs.
#[derive(Serialize, Deserialize)]
pub struct Record {
    /// The process that looks after the suite.
    pub pid: u32,
    /// The one public origin. Absent until everything is ready.
    pub public_url: Option<String>,
}

/// Proof that we are the one who runs the suite: a locked file. The lock ends with its process, however that ends, so
/// a process id that was given to somebody else since is never mistaken for ours.
pub struct Running {
    directory: PathBuf,
    _lock: File,
}

impl Running {
    /// Fails if somebody runs a suite on this directory.
    pub fn claim(directory: &Path) -> Result<Self> {
        let Some(lock) = try_lock(directory)? else {
            let by = read(directory).map_or_else(String::new, |it| format!(" (process {})", it.pid));
            bail!("a suite is running already{by}; `cargo retail down` stops it");
        };
        let running = Self { directory: directory.to_owned(), _lock: lock };
        running.write(None)?;
        Ok(running)
    }

    /// Everything is ready at this address.
    pub fn record(&self, public_url: &str) -> Result<()> {
        self.write(Some(public_url.to_owned()))
    }

    /// Nothing runs any more.
    pub fn release(self) {
        // What cannot be removed is not believed without the lock.
        let _ = fs::remove_file(file(&self.directory));
    }

    fn write(&self, public_url: Option<String>) -> Result<()> {
        let text = serde_json::to_string(&Record { pid: std::process::id(), public_url })?;
        fs::write(file(&self.directory), text + "\n").context("cannot write up.json")
    }
}

/// The suite that runs on this directory, if one does.
pub fn find(directory: &Path) -> Result<Option<Record>> {
    if !directory.exists() || try_lock(directory)?.is_some() {
        return Ok(None);
    }
    Ok(read(directory))
}

/// Where the running suite is.
pub fn public_url() -> Result<String> {
    let record = find(&super::directory()?)?.context("no suite is running; `cargo retail up` starts one")?;
    record.public_url.context("the suite is still starting")
}

fn read(directory: &Path) -> Option<Record> {
    serde_json::from_str(&fs::read_to_string(file(directory)).ok()?).ok()
}

fn file(directory: &Path) -> PathBuf {
    directory.join("up.json")
}

fn try_lock(directory: &Path) -> Result<Option<File>> {
    let lock = File::create(directory.join("up.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock up.lock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_found_only_while_its_owner_lives() {
        let directory = launch::Temporary::new("record").unwrap();
        assert!(find(directory.path()).unwrap().is_none());
        let running = Running::claim(directory.path()).unwrap();
        running.record("http://localhost:8080").unwrap();
        let found = find(directory.path()).unwrap().unwrap();
        assert_eq!((found.pid, found.public_url.as_deref()), (std::process::id(), Some("http://localhost:8080")));
        assert!(Running::claim(directory.path()).is_err());

        // As if the owner had been killed: its record stays behind, its lock does not.
        drop(running);
        assert!(find(directory.path()).unwrap().is_none());
        Running::claim(directory.path()).unwrap().release();
    }
}
