//! Made-up input for every parser of auth that meets the network, for as long as one likes: the property tests of the
//! modules `fuzz`, with new cases each time.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, stream};
use serde_json::Value;

use crate::workspace::cargo;

/// Crates with such modules.
const CRATES: [&str; 2] = ["auth", "proof"];
/// About how long one process tries; a failure is reported when it ends.
const PIECE: Duration = Duration::from_secs(15);

/// How long.
#[derive(clap::Args)]
pub struct Options {
    /// For each target
    #[arg(long, default_value_t = 1.0, value_parser = minutes)]
    minutes: f64,
    /// How many targets are tried at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
    /// Only targets whose name contains one of these
    targets: Vec<String>,
}

struct Target {
    program: PathBuf,
    name: String,
}

/// Tries every target, and fails with what was found first at each.
pub async fn run(options: Options) -> Result<()> {
    let wanted =
        |target: &Target| options.targets.is_empty() || options.targets.iter().any(|it| target.name.contains(it));
    let targets: Vec<_> = targets()?.into_iter().filter(wanted).collect();
    ensure!(!targets.is_empty(), "there is no such target");
    let bound = Duration::from_secs_f64(options.minutes * 60.0);
    let tried = targets.iter().map(|target| {
        let (program, name) = (target.program.clone(), target.name.clone());
        async move { (target, tokio::task::spawn_blocking(move || try_for(&program, &name, bound)).await) }
    });
    let mut tried = stream::iter(tried).buffer_unordered(options.at_once.into());
    let mut failed = Vec::new();
    while let Some((target, outcome)) = tried.next().await {
        match outcome? {
            Ok(cases) => println!("ok    {:<40} {cases} cases", target.name),
            Err(fault) => {
                println!("FAIL  {}\n{fault:#}", target.name);
                failed.push(target.name.as_str());
            }
        }
    }
    ensure!(failed.is_empty(), "found something at {}", failed.join(", "));
    Ok(())
}

fn minutes(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|minutes| (0.01..=1440.0).contains(minutes)).ok_or_else(|| "from 0.01 to 1440".to_owned())
}

/// The tests in modules `fuzz` of the built test programs.
fn targets() -> Result<Vec<Target>> {
    let mut build = cargo()?;
    build.args(["test", "--lib", "--no-run", "--message-format=json"]).stderr(Stdio::inherit());
    build.args(CRATES.iter().flat_map(|name| ["--package", name]));
    let messages = build.output().context("cannot run cargo")?;
    ensure!(messages.status.success(), "the tests do not compile");
    let mut targets = Vec::new();
    for line in String::from_utf8(messages.stdout)?.lines() {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        let Some(program) = message["executable"].as_str().filter(|_| message["profile"]["test"] == true) else {
            continue;
        };
        let listed = Command::new(program).args(["fuzz::", "--list", "--format=terse"]).output()?;
        let names = String::from_utf8(listed.stdout)?;
        let names = names.lines().filter_map(|line| line.strip_suffix(": test"));
        targets.extend(names.map(|name| Target { program: program.into(), name: name.to_owned() }));
    }
    Ok(targets)
}

/// Runs one target again and again. Answers how many cases there were.
fn try_for(program: &PathBuf, name: &str, bound: Duration) -> Result<u64> {
    let begin = Instant::now();
    let (mut cases, mut all) = (500_u64, 0);
    while begin.elapsed() < bound {
        let piece = Instant::now();
        let ran = Command::new(program).args([name, "--exact"]).env("PROPTEST_CASES", cases.to_string()).output()?;
        if !ran.status.success() {
            bail!("{}", String::from_utf8_lossy(&ran.stdout));
        }
        all += cases;
        let left = bound.saturating_sub(begin.elapsed()).min(PIECE);
        let times = left.as_secs_f64() / piece.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        // A rough number.
        let next = (cases as f64 * times.clamp(0.1, 10.0)) as u64;
        cases = next.max(100);
    }
    Ok(all)
}
