//! Lines of JSON between us and a client's script: we tell it of the world, it tells of its checks, and asks us to send
//! the browser somewhere.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use e2e::{Browser, Landing, Visit};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use super::clients::{Clients, Wish};

const PATIENCE: Duration = Duration::from_mins(3);
/// Lines that are shown of why a check failed.
const DETAIL: usize = 40;

/// What came of a script.
#[derive(Default)]
pub struct Report {
    pub passed: usize,
    pub failed: Vec<String>,
}

/// What a script says.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Check {
        check: String,
        ok: bool,
        detail: Option<String>,
    },
    Visit {
        visit: String,
        user: Option<String>,
        press: Option<String>,
        #[serde(default)]
        typed: BTreeMap<String, String>,
    },
    Register {
        register: Wish,
    },
    Forget {
        #[serde(rename = "forget")]
        _all: bool,
    },
}

/// Runs a script to its end.
pub async fn with(
    command: std::process::Command,
    public_url: &str,
    world: &Value,
    clients: &mut Clients,
) -> Result<Report> {
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let mut child = command.spawn().context("cannot run the script")?;
    let mut report = Report::default();
    match timeout(PATIENCE, follow(&mut child, (public_url, world), clients, &mut report)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => report.fail("the script", &format!("{error:#}")),
        Err(_) => report.fail("the script", &format!("did not end within {PATIENCE:?}")),
    }
    if report.passed == 0 && report.failed.is_empty() {
        report.fail("the script", "checked nothing");
    }
    Ok(report)
}

async fn follow(
    child: &mut Child,
    (public_url, world): (&str, &Value),
    clients: &mut Clients,
    report: &mut Report,
) -> Result<()> {
    let mut tell = child.stdin.take().context("no way to the script")?;
    let mut lines = BufReader::new(child.stdout.take().context("no way from the script")?).lines();
    let mut browser = Browser::of(public_url)?;
    say(&mut tell, world).await?;
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line) {
            Ok(Said::Check { check, ok: true, .. }) => report.pass(&check),
            Ok(Said::Check { check, detail, .. }) => report.fail(&check, &detail.unwrap_or_default()),
            Ok(Said::Visit { visit, user, press, typed }) => {
                let user = user.map(|name| (name.clone(), format!("{name}-demo-password")));
                let landing = browser.visit(visit.parse()?, &Visit { user, press, typed }).await;
                say(&mut tell, &landing.map_or_else(|error| json!({"fault": error.to_string()}), shown)).await?;
            }
            Ok(Said::Register { register }) => say(&mut tell, &clients.register(register).await?).await?,
            Ok(Said::Forget { .. }) => {
                browser = Browser::of(public_url)?;
                say(&mut tell, &json!({})).await?;
            }
            Err(_) => println!("      {line}"),
        }
    }
    let status = child.wait().await?;
    anyhow::ensure!(status.success(), "ended with {status}");
    Ok(())
}

async fn say(to: &mut ChildStdin, what: &Value) -> Result<()> {
    to.write_all(format!("{what}\n").as_bytes()).await.context("the script does not listen")
}

fn shown(landing: Landing) -> Value {
    match landing {
        Landing::Left { url, form, logins } => json!({"left": url.as_str(), "form": form, "logins": logins}),
        Landing::Page { url, status, text } => json!({"page": text, "status": status, "at": url.as_str()}),
    }
}

impl Report {
    fn pass(&mut self, check: &str) {
        println!("ok    {check}");
        self.passed += 1;
    }

    fn fail(&mut self, check: &str, detail: &str) {
        println!("FAIL  {check}");
        detail.lines().take(DETAIL).for_each(|line| println!("      {line}"));
        self.failed.push(check.to_owned());
    }
}
