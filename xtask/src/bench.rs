//! Measures the gateway beside nginx: in one run, in turns, on the same cores, so that what else the machine does meets
//! both alike. Only ratios are claimed, and nothing is asserted.

mod contenders;
mod load;
mod nginx;
mod policies;
mod rounds;
mod upstream;
mod work;

use std::{num::NonZero, thread};

use anyhow::{Result, ensure};
use launch::{
    Temporary,
    packages::{self, Need},
};

use crate::workspace::{self, cargo};
use contenders::Contenders;
use rounds::Rounds;

/// What is measured.
#[derive(clap::Subcommand)]
pub enum Command {
    /// The gateway beside nginx, with and without auth_request
    Gateway(Options),
    #[command(hide = true)]
    Upstream(upstream::Options),
    #[command(hide = true)]
    Load(load::Options),
}

/// How long and with what.
#[derive(clap::Args)]
pub struct Options {
    /// Rounds; in each, everybody is measured once
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds that each is measured in each round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections of callers
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Cores that each proxy has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    cores: u16,
    /// Instead: the gateway with all its policies beside the gateway without each of them
    #[arg(long)]
    policies: bool,
    /// Build nothing, measure these gateways instead, as `name=path`; may be given several times
    #[arg(long, value_parser = named)]
    gateway: Vec<(String, std::path::PathBuf)>,
    /// Keep the optimized build, some gigabytes; without this only the program stays
    #[arg(long)]
    keep: bool,
}

fn named(text: &str) -> Result<(String, std::path::PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("must be name=path")?;
    Ok((name.to_owned(), path.into()))
}

/// Runs one.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Gateway(options) => gateway(options).await,
        Command::Upstream(options) => upstream::serve(&options),
        Command::Load(options) => load::run(&options),
    }
}

async fn gateway(options: Options) -> Result<()> {
    let machine = thread::available_parallelism().map_or(1, NonZero::get);
    let proxy = usize::from(options.cores);
    ensure!(machine >= proxy + 2, "{} cores are needed: for the proxy, for callers, for the service", proxy + 2);
    packages::install(&[Need::Nats, Need::Nginx], &mut |line| println!("{line}"))?;
    let gateways = if options.gateway.is_empty() {
        vec![("gateway".to_owned(), build(options.keep)?)]
    } else {
        options.gateway.clone()
    };
    let directory = Temporary::new("bench")?;
    let cores = Cores { service: "0".into(), proxy: range(1, proxy), callers: range(1 + proxy, machine - 1 - proxy) };
    let contenders = Contenders::start(directory.path(), &cores, options.cores, &gateways, options.policies).await?;
    println!("{}", described(&options, &cores, machine));
    let mut rounds = Rounds::new(contenders.names(), if options.policies { 1 } else { 2 });
    for round in 1..=options.rounds {
        for (index, contender) in contenders.in_turn(round) {
            let before = work::of(contender.process);
            let measured = load::measure(contender, &cores.callers, options.connections, options.seconds)?;
            rounds.add(index, measured, work::of(contender.process).saturating_sub(before));
        }
        println!("round {round}: {}", rounds.last());
    }
    println!("\n{}", rounds.table());
    Ok(())
}

/// Who runs where.
pub struct Cores {
    service: String,
    proxy: String,
    callers: String,
}

fn range(first: usize, count: usize) -> String {
    format!("{first}-{}", first + count - 1)
}

fn described(options: &Options, cores: &Cores, machine: usize) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {machine} cores, load before {}\nservice on {}, each proxy on {}, callers on {}; {} connections, {} rounds \
         of {} s\n",
        cpu.unwrap_or("unknown processor"),
        load.split(' ').next().unwrap_or("unknown"),
        cores.service,
        cores.proxy,
        cores.callers,
        options.connections,
        options.rounds,
        options.seconds,
    )
}

/// The gateway as it is distributed. Its build takes gigabytes, so only the program is kept.
fn build(keep: bool) -> Result<std::path::PathBuf> {
    let target = workspace::target()?;
    workspace::run(cargo()?.args([
        "build",
        "--profile",
        "dist",
        "--package",
        "gateway",
        "--bin",
        "gateway",
        "--jobs",
        "2",
    ]))?;
    let program = target.join("bench-gateway");
    std::fs::copy(target.join("dist/gateway"), &program)?;
    if !keep {
        std::fs::remove_dir_all(target.join("dist"))?;
    }
    Ok(program)
}
