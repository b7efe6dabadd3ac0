//! Clients written by others, from their registries, against a running auth behind a running gateway: they log real
//! users in through the pages and hold every answer to their own idea of the standards.

mod clients;
mod install;
mod talk;

use anyhow::{Result, bail};
use launch::suite::Suite;

use crate::{
    prepare,
    workspace::{build, programs},
};
use clients::Clients;
use install::{CLIENTS, Client, Installed};

/// Whom to try.
#[derive(clap::Args)]
pub struct Options {
    /// Only these clients
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(CLIENTS.iter().map(|client| client.name)))]
    clients: Vec<String>,
}

/// Prints a line for each check; fails if one did not hold.
pub async fn run(options: Options) -> Result<()> {
    prepare::ensure()?;
    let wanted = |client: &&Client| options.clients.is_empty() || options.clients.iter().any(|it| it == client.name);
    let wanted: Vec<_> = CLIENTS.iter().filter(wanted).collect();
    let installed = Installed::all(&wanted)?;
    build(false)?;
    let suite = Suite::temporary_of(&programs(false)?, &["auth", "gateway"]).await?;
    let mut clients = Clients::of(&suite).await?;
    let world = clients.world(&suite).await?;
    let mut failed = Vec::new();
    let mut checks = 0;
    for client in &wanted {
        println!("\n== {}", Installed::shown(client)?);
        let report = talk::with(installed.command(client)?, suite.public_url(), &world, &mut clients).await?;
        checks += report.passed + report.failed.len();
        failed.extend(report.failed.into_iter().map(|check| format!("{}: {check}", client.name)));
    }
    let dead: Vec<_> = suite.status().into_iter().filter(|it| it.pid.is_none()).map(|it| it.id).collect();
    suite.stop();
    println!("\nconformance: {} clients, {checks} checks, {} failed", wanted.len(), failed.len());
    if !dead.is_empty() {
        bail!("{} ended", dead.join(", "));
    }
    if !failed.is_empty() {
        bail!("failed:\n  {}", failed.join("\n  "));
    }
    Ok(())
}
