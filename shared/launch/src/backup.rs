//! A backup: a directory with one file for each database, all of one moment, and a manifest that says what they are.

mod manifest;

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use time::OffsetDateTime;

pub use manifest::{Database, Manifest};

use crate::postgres::Access;

/// The services that keep data, each in the database of its name.
pub const DATABASES: [&str; 6] = ["auth", "store", "inventory", "accounting", "shipping", "order"];

/// A backup that was found whole.
#[derive(Debug)]
pub struct Backup {
    directory: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}

/// Writes these databases, as they are at one moment, to a directory that must not be there yet. Who uses them goes on.
pub async fn take(access: &Access, databases: &[&str], directory: &Path) -> Result<Backup> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    // Nobody else may read what customers are called and where they live.
    let made = DirBuilder::new().mode(0o700).create(directory);
    made.with_context(|| format!("a backup makes its own directory, and cannot make {}", directory.display()))?;
    let written = write(access, databases, directory).await;
    if written.is_err() {
        // Without a manifest it is no backup.
        let _ = fs::remove_dir_all(directory);
    }
    written
}

async fn write(access: &Access, databases: &[&str], directory: &Path) -> Result<Backup> {
    let cut = access.cut(databases).await?;
    let taken_at = OffsetDateTime::now_utc();
    let mut written = Vec::new();
    for snapshot in &cut.snapshots {
        let file = directory.join(manifest::file_of(&snapshot.database));
        access.dump(&snapshot.database, &snapshot.id, &file).await?;
        written.push(Database::of(&snapshot.database, &snapshot.migrations, &file)?);
    }
    let held_ms = cut.held.as_secs_f64() * 1000.0;
    let manifest = Manifest { taken_at, held_ms, attempts: cut.attempts, databases: written };
    manifest.write(directory)?;
    Ok(Backup { directory: directory.to_owned(), manifest })
}

impl Backup {
    /// Opens what [`take`] wrote. Fails unless every file is as it was written.
    pub fn open(directory: &Path) -> Result<Self> {
        let manifest = Manifest::read(directory)?;
        for database in &manifest.databases {
            database.check(directory)?;
        }
        Ok(Self { directory: directory.to_owned(), manifest })
    }

    /// Puts these databases back as they were at the backup's moment; nobody may be using them. They are filled beside
    /// the present ones and take their places together: a restore that fails leaves everything as it was.
    pub async fn restore(&self, access: &Access, databases: &[&str]) -> Result<()> {
        for name in databases {
            let known = self.manifest.databases.iter().any(|it| it.name == *name);
            ensure!(known, "the backup does not hold `{name}`");
        }
        for name in databases {
            access.fill(name, &self.directory.join(manifest::file_of(name))).await?;
        }
        access.swap(databases).await
    }
}
