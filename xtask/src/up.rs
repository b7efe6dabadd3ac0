//! Starts the suite, shows where it is, keeps it running, stops it.

mod detach;
mod logs;
mod ready;
mod record;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use launch::{
    postgres::Cluster,
    suite::{Settings, Suite},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::interval,
};

use crate::{
    prepare,
    workspace::{build, programs, target},
};
pub use detach::down;
pub use record::{Running, find, public_url};

const LOOK_AFTER: Duration = Duration::from_millis(250);

/// How to run the suite.
// Flags of a command line are bools.
#[allow(clippy::struct_excessive_bools)]
#[derive(clap::Args)]
pub struct Options {
    /// Show the processes' logs as they grow
    #[arg(long)]
    logs: bool,
    /// Port of the one public origin, <http://localhost:PORT>
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Answer when everything is ready and leave it running; `cargo retail down` stops it
    #[arg(long, conflicts_with = "logs")]
    detach: bool,
    /// Forget the data of earlier runs
    #[arg(long)]
    fresh: bool,
    /// Let operators declare faults at `/api/{service}/v1/faults`: for teaching
    #[arg(long)]
    faults: bool,
    /// Build with optimizations: several times the build time, for measuring
    #[arg(long)]
    release: bool,
}

/// Where `up` keeps data, secrets and logs.
pub fn directory() -> Result<PathBuf> {
    Ok(target()?.join("retail"))
}

/// Builds, starts, waits until ready, prints where, and runs until it is told to stop.
pub async fn up(options: Options) -> Result<()> {
    let directory = directory()?;
    fs::create_dir_all(&directory)?;
    if !detach::is_detached() {
        // Before the build replaces the programs of a suite that runs.
        drop(Running::claim(&directory)?);
        prepare::ensure()?;
        let begin = Instant::now();
        build(options.release)?;
        println!("built in {:.1} s", begin.elapsed().as_secs_f64());
    }
    if options.detach {
        return detach::start(&directory, &options).await;
    }
    let running = Running::claim(&directory)?;
    check_port(options.port)?;
    if options.fresh {
        forget(&directory)?;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let begin = Instant::now();
    let suite = tokio::select! {
        suite = start(&directory, &options) => suite?,
        // What has been started goes with its owners.
        _ = tokio::signal::ctrl_c() => bail!("interrupted while starting"),
        _ = terminate.recv() => bail!("told to stop while starting"),
    };
    running.record(suite.public_url())?;
    println!("{}", ready::block(&suite, begin.elapsed(), &directory.join("logs")));
    tokio::select! {
        () = watch(&suite, options.logs) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    println!("\nstopping …");
    let begin = Instant::now();
    tokio::task::spawn_blocking(move || suite.stop()).await?;
    println!("stopped in {:.1} s", begin.elapsed().as_secs_f64());
    running.release();
    Ok(())
}

async fn start(directory: &Path, options: &Options) -> Result<Suite> {
    let programs = programs(options.release)?;
    Suite::durable(&Settings { programs: &programs, directory, port: options.port, faults: options.faults }).await
}

/// Starts again what dies, and shows the logs if asked.
async fn watch(suite: &Suite, show_logs: bool) {
    let mut logs = logs::Logs::default();
    let mut ticks = interval(LOOK_AFTER);
    loop {
        ticks.tick().await;
        for line in suite.revive().await {
            println!("{line}");
        }
        if show_logs {
            logs.show_new(&suite.status());
        }
    }
}

fn check_port(port: u16) -> Result<()> {
    let free = TcpListener::bind(("127.0.0.1", port));
    free.map(drop).with_context(|| format!("port {port} is taken; `cargo retail up --port …` takes another"))
}

/// Data and logs of earlier runs; not the record of the run that asks.
fn forget(directory: &Path) -> Result<()> {
    let kept = directory.join("postgres");
    for path in [Cluster::place(&kept)?, kept, directory.join("nats"), directory.join("logs")] {
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot empty {}", path.display()))?;
        }
    }
    let secrets = directory.join("secrets.json");
    if secrets.exists() {
        fs::remove_file(secrets)?;
    }
    Ok(())
}
