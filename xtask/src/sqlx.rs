//! The query caches: each crate's checked queries, described by a private PostgreSQL that its migrations have run on.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use launch::{Temporary, postgres::Cluster};
use sqlx::{Connection, PgConnection, migrate::Migrator};

use crate::{
    prepare,
    workspace::{PROCESSES, cargo, root, run},
};

/// Whether to write.
#[derive(clap::Args)]
pub struct Options {
    /// Write nothing; fail if a committed cache is not what it should be
    #[arg(long)]
    check: bool,
    /// Only this crate
    package: Option<String>,
}

/// File name and content.
type Cache = BTreeMap<String, String>;

/// Writes or checks the cache of every crate that has migrations.
pub async fn write(options: Options) -> Result<()> {
    prepare::ensure()?;
    let cluster = Cluster::temporary().await?;
    let mut stale = Vec::new();
    let crates = PROCESSES.into_iter().chain([("messaging", "shared/messaging")]);
    for (name, directory) in crates.filter(|(name, _)| options.package.as_ref().is_none_or(|only| only == name)) {
        let directory = root().join(directory);
        if !directory.join("migrations").exists() {
            continue;
        }
        let url = migrated(&cluster, name, &directory).await.with_context(|| format!("the migrations of {name}"))?;
        let fresh = describe(name, &directory, &url)?;
        let committed = read(&directory.join(".sqlx"))?;
        println!("{name}: {} queries, {}", fresh.len(), if fresh == committed { "as committed" } else { "changed" });
        match (fresh == committed, options.check) {
            (true, _) => {}
            (false, true) => stale.push(name),
            (false, false) => replace(&directory.join(".sqlx"), &fresh)?,
        }
    }
    if !stale.is_empty() {
        bail!("the query caches of {} are stale; `cargo retail sqlx` writes them anew", stale.join(", "));
    }
    Ok(())
}

/// A database with the crate's own schema; answers its URL.
async fn migrated(cluster: &Cluster, name: &str, directory: &Path) -> Result<String> {
    let url = cluster.access().create_service_database(name, "private").await?;
    let mut db = PgConnection::connect(&url).await?;
    if name == "messaging" {
        // Its tables live in a schema of their own, which its migrator makes beforehand in every service.
        sqlx::raw_sql("CREATE SCHEMA messaging").execute(&mut db).await?;
    }
    let migrator = Migrator::new(directory.join("migrations")).await?;
    migrator.run_direct(None, &mut db, false).await?;
    db.close().await?;
    Ok(url)
}

/// Lets the macros describe their queries into an empty directory.
fn describe(name: &str, directory: &Path, url: &str) -> Result<Cache> {
    let fresh = Temporary::new("queries")?;
    // What the crate depends on has queries too, but other tables: it is compiled beforehand, from its own cache. The
    // crate itself may fail here, which is why it gets a new cache.
    let mut before = check(name)?;
    before.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL").stderr(Stdio::null()).status()?;
    // The macros run only where something is compiled.
    File::options().append(true).open(directory.join("src/lib.rs"))?.set_modified(SystemTime::now())?;
    let mut check = check(name)?;
    run(check.env("SQLX_OFFLINE_DIR", fresh.path()).env("DATABASE_URL", url).env_remove("SQLX_OFFLINE"))?;
    read(fresh.path())
}

fn check(name: &str) -> Result<Command> {
    let mut check = cargo()?;
    check.args(["check", "--quiet", "--package", name, "--all-targets"]);
    Ok(check)
}

fn read(directory: &Path) -> Result<Cache> {
    let mut cache = Cache::new();
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            cache.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(cache)
}

fn replace(directory: &Path, fresh: &Cache) -> Result<()> {
    fs::create_dir_all(directory)?;
    for name in read(directory)?.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(directory.join(name))?;
    }
    for (name, text) in fresh {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}
