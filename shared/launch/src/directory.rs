//! A directory that goes when its owner goes, or when this process does.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{leash, secret::random_text};

/// An empty directory under the system's temporary directory, removed on drop and also if this process is killed.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Makes one whose name begins with `retail-{kind}-`.
    pub fn new(kind: &str) -> io::Result<Self> {
        let mut parent = std::env::temp_dir();
        if parent.to_string_lossy().contains(char::is_whitespace) {
            parent = PathBuf::from("/tmp");
        }
        let path = parent.join(format!("retail-{kind}-{}", random_text(12)));
        fs::create_dir(&path)?;
        leash::remove(&path);
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.0).is_ok() {
            leash::keep(&self.0);
        }
    }
}
