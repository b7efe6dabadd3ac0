//! Backup and restore of the suite that `cargo retail up` runs on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use launch::{
    Secrets,
    backup::{self, Backup, DATABASES},
    postgres::{Access, Cluster},
};

use crate::{prepare, up};

/// Where to write.
#[derive(clap::Args)]
pub struct Options {
    /// A directory that is not there yet; without it, one named after the time beside the data
    directory: Option<PathBuf>,
}

/// What to put back.
#[derive(clap::Args)]
pub struct Restoring {
    /// What `cargo retail backup` wrote
    directory: PathBuf,
    /// Only this service's database
    #[arg(long, value_parser = DATABASES)]
    service: Option<String>,
}

/// Writes all databases to a new directory.
pub async fn take(options: Options) -> Result<()> {
    let home = up::directory()?;
    let begin = Instant::now();
    let directory = options.directory.unwrap_or_else(|| home.join("backups").join(seconds()));
    let taken = if up::find(&home)?.is_some() {
        backup::take(&running(&home)?, &DATABASES, &directory).await?
    } else {
        let (cluster, _running) = stopped(&home).await?;
        let taken = backup::take(&cluster.access(), &DATABASES, &directory).await;
        cluster.stop();
        taken?
    };
    let manifest = taken.manifest;
    for database in &manifest.databases {
        println!("  {:<11} {:>9} bytes  sha256 {}", database.name, database.bytes, &database.sha256[..16]);
    }
    println!("all as they were at {}: writers waited {:.0} ms at the most", manifest.moment(), manifest.held_ms);
    println!("written in {:.1} s to {}", begin.elapsed().as_secs_f64(), directory.display());
    println!("It holds no secret of the suite's: keep {} as well.", home.join("secrets.json").display());
    Ok(())
}

/// Puts databases back to the moment of a backup.
pub async fn restore(options: Restoring) -> Result<()> {
    let home = up::directory()?;
    fs::create_dir_all(&home)?;
    let (cluster, running) = stopped(&home).await?;
    let restored = put_back(&cluster.access(), &home, &options).await;
    cluster.stop();
    running.release();
    restored?;
    println!("\n  cargo retail up                   starts it; kept events are published again");
    println!("  cargo retail reconcile            names every order on which the services disagree");
    println!("  cargo retail reconcile --repair   asks again for what the orders' logs decide");
    Ok(())
}

async fn put_back(access: &Access, home: &Path, options: &Restoring) -> Result<()> {
    let begin = Instant::now();
    let backup = Backup::open(&options.directory)?;
    let names: Vec<&str> = match &options.service {
        Some(service) => vec![service],
        None => backup.manifest.databases.iter().map(|it| it.name.as_str()).collect(),
    };
    backup.restore(access, &names).await?;
    // What consumers had acknowledged may have been undone: streams and consumers begin anew, from the outboxes.
    let streams = home.join("nats");
    if streams.exists() {
        fs::remove_dir_all(&streams).with_context(|| format!("cannot empty {}", streams.display()))?;
    }
    let mut events = 0;
    for name in DATABASES {
        events += access.publish_all_again(name).await?;
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "{} as of {}, in {took:.1} s; {events} events will be published again",
        names.join(", "),
        backup.manifest.moment()
    );
    Ok(())
}

/// The PostgreSQL of a suite that runs.
fn running(home: &Path) -> Result<Access> {
    let port = Cluster::port_of(&home.join("postgres"))?.context("the suite is still starting")?;
    let password = secrets(home)?.superuser;
    Ok(Access { host: "127.0.0.1".to_owned(), port, password })
}

/// The PostgreSQL of a suite that does not run, started for us alone.
async fn stopped(home: &Path) -> Result<(Cluster, up::Running)> {
    prepare::ensure()?;
    fs::create_dir_all(home.join("logs"))?;
    let running = up::Running::claim(home)?;
    let log = home.join("logs/postgres.log");
    let cluster = Cluster::durable(&home.join("postgres"), &log, &secrets(home)?.superuser).await?;
    Ok((cluster, running))
}

fn secrets(home: &Path) -> Result<Secrets> {
    let file = home.join("secrets.json");
    ensure!(file.exists(), "there is no suite here yet: no {}", file.display());
    Secrets::kept(&file)
}

/// A name for a directory: seconds since 1970.
fn seconds() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs()).to_string()
}
