//! `cargo retail …`: everything one does with the suite on one's own machine.

mod backup;
mod bench;
mod conformance;
mod demo;
mod faults;
mod fuzz;
mod fuzz_auth;
mod openapi;
mod prepare;
mod reconcile;
mod soak;
mod sqlx;
mod testing;
mod tidy;
mod trial;
mod up;
mod upgrade;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The retail suite on this machine.
#[derive(Parser)]
#[command(name = "cargo retail", bin_name = "cargo retail")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check what this machine has, and install what is missing: PostgreSQL's server programs, nats-server, a compiler
    Setup,
    /// Build and start the whole suite with its own PostgreSQL and NATS; Ctrl-C stops it
    Up(up::Options),
    /// Stop a suite that was started elsewhere
    Down,
    /// Buy something, then something that must be undone, and print both timelines
    Demo(demo::Options),
    /// Write all databases, as they are at one moment, to a new directory, while the suite runs or not
    Backup(backup::Options),
    /// Put all databases, or one service's, back to the moment of a backup; the suite must be stopped
    Restore(backup::Restoring),
    /// Name every order on which the services disagree; with --repair, ask again for what the orders' logs decide
    Reconcile(reconcile::Options),
    /// Run all tests, or those whose name contains a filter
    Test(testing::Options),
    /// Send made-up requests to every operation of every contract, and check every answer against it
    Fuzz(fuzz::Options),
    /// Feed made-up input to every parser of auth that meets the network
    FuzzAuth(fuzz_auth::Options),
    /// Have OAuth and OpenID Connect clients written by others (Node, Python, Rust) log users in and check every answer
    Conformance(conformance::Options),
    /// Kill, freeze, restart, cut off and set the clocks of processes under load, and check that nothing is lost
    Faults(faults::Options),
    /// Load the suite steadily while faults come and go, and check that no permit, handle or memory is left behind
    Soak(soak::Options),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Command),
    /// Write the committed openapi.json of every service anew
    Openapi,
    /// Write the committed query caches (.sqlx) anew, against a private PostgreSQL
    Sqlx(sqlx::Options),
    /// Check the walls: what may use what, sizes, names
    Tidy,
    /// Have sagas that an earlier revision began finished by this one, and back, and by both side by side
    Upgrade(upgrade::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = ::tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Setup => prepare::setup(),
        Command::Up(options) => up::up(options).await,
        Command::Down => up::down().await,
        Command::Demo(options) => demo::demo(options).await,
        Command::Backup(options) => backup::take(options).await,
        Command::Restore(options) => backup::restore(options).await,
        Command::Reconcile(options) => reconcile::reconcile(options).await,
        Command::Test(options) => testing::run(&options),
        Command::Conformance(options) => conformance::run(options).await,
        Command::Fuzz(options) => fuzz::run(options).await,
        Command::FuzzAuth(options) => fuzz_auth::run(options).await,
        Command::Faults(options) => faults::run(options).await,
        Command::Soak(options) => soak::run(options).await,
        Command::Bench(command) => bench::run(command).await,
        Command::Openapi => openapi::write(),
        Command::Sqlx(options) => sqlx::write(options).await,
        Command::Tidy => tidy::check(),
        Command::Upgrade(options) => upgrade::run(options).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn every_command_and_its_options_can_be_told_apart() {
        Arguments::command().debug_assert();
    }
}
