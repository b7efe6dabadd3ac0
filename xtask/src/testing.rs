//! All tests: what is missing is installed, the processes are built (the end-to-end tests start them), then cargo test.

use anyhow::Result;

use crate::{
    prepare,
    workspace::{self, build_tests, cargo},
};

/// What to test.
#[derive(clap::Args)]
pub struct Options {
    /// Only tests whose name contains this, or any other arguments of `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs them. Where tests find their infrastructure is `testkit`'s affair.
pub fn run(options: &Options) -> Result<()> {
    prepare::ensure_for_tests()?;
    build_tests()?;
    // Every failure is reported, not only those of the first crate that has one.
    let mut test = cargo()?;
    workspace::run(test.args(["test", "--workspace", "--no-fail-fast"]).args(&options.arguments))
}
