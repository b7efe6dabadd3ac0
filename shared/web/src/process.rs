//! The command line of a service: `inventory` serves, `inventory openapi` prints its contract, `inventory healthcheck`
//! asks a running instance whether it is ready (for containers that have no other tool). A program may have errands of its
//! own besides.

use std::{future::Future, net::SocketAddr, pin::Pin, process::ExitCode, time::Duration};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use utoipa::openapi::OpenApi;

use crate::contract;

const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Args)]
struct Ops {
    /// Address of /readyz.
    #[arg(long, env = "OPS_BIND")]
    ops_bind: SocketAddr,
}

type Work = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;
type Begin = dyn Fn(&ArgMatches) -> Result<Work, clap::Error>;

/// Something else that a program does, and then ends: `auth rotate-keys`.
pub struct Errand {
    command: Command,
    run: Box<Begin>,
}

impl Errand {
    /// One of this name, with settings of its own.
    pub fn new<C, R>(name: &'static str, about: &'static str, run: fn(C) -> R) -> Self
    where
        C: Args + 'static,
        R: Future<Output = anyhow::Result<()>> + 'static,
    {
        let command = C::augment_args(Command::new(name).about(about));
        Self { command, run: Box::new(move |matches| Ok(Box::pin(run(C::from_arg_matches(matches)?)))) }
    }
}

/// Reads the settings and runs the service. Invalid settings stop it before a port is bound.
pub fn main<C, R>(name: &'static str, about: &'static str, contract: fn() -> OpenApi, run: fn(C) -> R) -> ExitCode
where
    C: Args,
    R: Future<Output = anyhow::Result<()>>,
{
    main_with(name, about, contract, run, vec![])
}

/// The same for a program that has errands besides.
pub fn main_with<C, R>(
    name: &'static str,
    about: &'static str,
    contract: fn() -> OpenApi,
    run: fn(C) -> R,
    errands: Vec<Errand>,
) -> ExitCode
where
    C: Args,
    R: Future<Output = anyhow::Result<()>>,
{
    let command = C::augment_args(Command::new(name).about(about))
        .subcommand_negates_reqs(true)
        .subcommand(Command::new("openapi").about("Print the contract (OpenAPI 3.1)"))
        .subcommand(Ops::augment_args(Command::new("healthcheck").about("Ask a running instance whether it is ready")))
        .subcommands(errands.iter().map(|errand| errand.command.clone()));
    let matches = command.get_matches();
    match matches.subcommand() {
        Some(("openapi", _)) => {
            print!("{}", contract::render(&contract()));
            ExitCode::SUCCESS
        }
        Some((name, matches)) => {
            if let Some(errand) = errands.iter().find(|errand| errand.command.get_name() == name) {
                return block_on((errand.run)(matches).unwrap_or_else(|error| error.exit()));
            }
            let ops = Ops::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
            block_on(healthcheck(ops.ops_bind))
        }
        None => {
            let config = C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
            block_on(run(config))
        }
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(work)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn healthcheck(mut ops: SocketAddr) -> anyhow::Result<()> {
    if ops.ip().is_unspecified() {
        ops.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let answer = client.get(format!("http://{ops}/readyz")).send().await?;
    let status = answer.status();
    anyhow::ensure!(status.is_success(), "not ready ({status}): {}", answer.text().await?);
    Ok(())
}
