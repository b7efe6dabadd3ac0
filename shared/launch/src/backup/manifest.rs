//! What a backup says of itself.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const FILE: &str = "manifest.json";

/// What stands in `manifest.json`, which is written last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The moment.
    #[serde(with = "time::serde::rfc3339")]
    pub taken_at: OffsetDateTime,
    /// For how many milliseconds writers waited, at the most.
    pub held_ms: f64,
    /// How often all databases were tried to be locked at once.
    pub attempts: u32,
    /// What it holds.
    pub databases: Vec<Database>,
}

/// One database in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name, and that of the service and the role it belongs to.
    pub name: String,
    /// The file beside the manifest.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Of its content, in hexadecimal.
    pub sha256: String,
    /// The latest migration that had run, by the table that says so.
    pub migrations: Vec<(String, i64)>,
}

pub(super) fn file_of(database: &str) -> String {
    format!("{database}.dump")
}

impl Manifest {
    /// The moment, for people.
    pub fn moment(&self) -> String {
        self.taken_at.format(&Rfc3339).unwrap_or_default()
    }

    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let written = directory.join("manifest.json.part");
        fs::write(&written, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(fs::rename(written, directory.join(FILE))?)
    }

    pub(super) fn read(directory: &Path) -> Result<Self> {
        let text = fs::read_to_string(directory.join(FILE));
        let text = text.with_context(|| format!("{} is not a backup: it has no {FILE}", directory.display()))?;
        let manifest: Self = serde_json::from_str(&text).with_context(|| format!("{FILE} is not what was written"))?;
        for database in &manifest.databases {
            // The name leads to a file and into statements.
            ensure!(database.file == file_of(&database.name), "{FILE} names `{}`", database.file);
            let plain = database.name.chars().all(|letter| letter.is_ascii_lowercase());
            ensure!(plain, "`{}` is not a database of the suite", database.name);
        }
        Ok(manifest)
    }
}

impl Database {
    pub(super) fn of(name: &str, migrations: &[(String, i64)], file: &Path) -> Result<Self> {
        let (bytes, sha256) = sum(file)?;
        Ok(Self { name: name.to_owned(), file: file_of(name), bytes, sha256, migrations: migrations.to_vec() })
    }

    pub(super) fn check(&self, directory: &Path) -> Result<()> {
        let file = directory.join(&self.file);
        let found = sum(&file)?;
        ensure!(found == (self.bytes, self.sha256.clone()), "{} is not what was written", file.display());
        Ok(())
    }
}

fn sum(file: &Path) -> Result<(u64, String)> {
    let mut opened = fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let (mut hash, mut bytes, mut part) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match opened.read(&mut part)? {
            0 => return Ok((bytes, hex::encode(hash.finalize()))),
            read => {
                hash.update(&part[..read]);
                bytes += read as u64;
            }
        }
    }
}
