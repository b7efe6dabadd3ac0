//! Bad input: schemathesis (from `PyPI`) makes requests out of every committed contract and sends them through the
//! gateway of a suite of its own. It fails at a 5xx, an undocumented answer, and whatever else breaks a contract.

mod contract;
mod passes;
mod schemathesis;

use std::{fs, time::Instant};

use anyhow::{Result, bail};
use e2e::{Purchase, Shopper, basic, client_token};
use launch::{Temporary, suite::Suite};

use crate::{
    prepare,
    trial::random_seed,
    workspace::{build, programs},
};
use passes::{Pass, Who};
use schemathesis::{Extent, Schemathesis, Target};

/// How long, and which requests.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds for each service, divided among those who use it
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// So many made-up cases for each operation instead of a time, and no learning from answers: with one seed the
    /// same requests every time
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u32).range(1..))]
    cases: Option<u32>,
    /// Makes the same requests again; what they meet depends on the time all the same
    #[arg(long)]
    seed: Option<u32>,
    /// Only these services
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(passes::SERVICES))]
    services: Vec<String>,
}

/// Tries every service as everybody who uses it; fails if anything was found.
pub async fn run(options: Options) -> Result<()> {
    prepare::ensure()?;
    let schemathesis = Schemathesis::install()?;
    build(false)?;
    let seed = options.seed.unwrap_or_else(random_seed);
    let suite = Suite::temporary(&programs(false)?).await?;
    let url = suite.public_url();
    let alice = Shopper::log_in(url, "alice").await?;
    have_history(&alice).await?;
    let wanted = |it: &str| options.services.is_empty() || options.services.iter().any(|service| service == it);
    let directory = Temporary::new("fuzz")?;
    let mut failed = Vec::new();
    for service in passes::SERVICES.into_iter().filter(|it| wanted(it)) {
        let passes: Vec<&Pass> = passes::PASSES.iter().filter(|pass| pass.service == service).collect();
        let seconds = (options.seconds / passes.len() as u64).max(1);
        let extent = options.cases.map_or(Extent::Seconds(seconds), Extent::Cases);
        for pass in passes {
            let contract = directory.path().join(format!("{service}.json"));
            let (document, operations) = contract::read(pass)?;
            fs::write(&contract, document)?;
            let who = pass.who.name();
            println!("\n== {service} as {who}: {} operations, {extent}, seed {seed}", operations.len());
            let credentials = credentials(&suite, pass.who).await?;
            let target =
                Target { contract: &contract, operations: &operations, url, credentials: &credentials, extent, seed };
            let begin = Instant::now();
            if !schemathesis.run(&target)? {
                failed.push(format!("{service} as {who}"));
            }
            println!("took {:.1} s", begin.elapsed().as_secs_f64());
        }
    }
    let dead: Vec<_> = suite.status().into_iter().filter(|it| it.pid.is_none()).map(|it| it.id).collect();
    suite.stop();
    if !dead.is_empty() {
        bail!("{} ended", dead.join(", "));
    }
    if !failed.is_empty() {
        bail!("found something at {}; `--seed {seed}` makes these requests again", failed.join(", "));
    }
    println!("\nnothing found with seed {seed}");
    Ok(())
}

/// Orders of every outcome, so that lists are not empty and what they hold is checked too.
async fn have_history(alice: &Shopper) -> Result<()> {
    for purchase in [Purchase::default(), Purchase::of("CHAIR-OAK").paid_with("tok_capture_declined")] {
        alice.buy(&purchase).await?;
    }
    alice.fill_cart(&Purchase::default()).await?;
    Ok(())
}

/// The value of the `Authorization` header.
async fn credentials(suite: &Suite, who: Who) -> Result<String> {
    let url = suite.public_url();
    let token = match who {
        Who::User(name) => Shopper::log_in(url, name).await?.token().to_owned(),
        Who::Order => client_token(url, "order", &suite.secrets().order_client).await?,
        Who::Reporting => return Ok(basic("reporting", &suite.secrets().reporting_client)),
    };
    Ok(format!("Bearer {token}"))
}
