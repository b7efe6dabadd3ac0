//! Waiting until processes are ready, and starting again those that die.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::Suite;
use crate::process::tail;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

impl Suite {
    /// Waits until each of these said where it listens.
    pub(super) async fn all_listening(&self, ids: &[&str]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for id in ids {
            while self.with(id, |it| it.listening().is_none())? {
                self.give_up_if_hopeless(id, deadline, "listen")?;
                sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// Waits until every instance answers at `/readyz`.
    pub(super) async fn all_ready(&self) -> Result<()> {
        let all = self.status();
        for instance in &all {
            self.ready(&instance.id).await?;
        }
        // At first instances are called like their services.
        for service in all.iter().map(|it| it.id.as_str()).filter(|name| !matches!(*name, "auth" | "gateway")) {
            self.reachable(service).await?;
        }
        Ok(())
    }

    /// Waits until the gateway finds the service: an instance may be ready before the gateway has heard of it.
    async fn reachable(&self, service: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let contract = format!("{}/docs/contracts/{service}.json", self.public_url());
        loop {
            let answer = http.get(&contract).send().await;
            if answer.is_ok_and(|it| it.status().is_success()) {
                return Ok(());
            }
            self.give_up_if_hopeless("gateway", deadline, &format!("find {service}"))?;
            sleep(POLL).await;
        }
    }

    /// Waits until `id` answers at `/readyz`, at the most 30 s.
    pub async fn ready(&self, id: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready(id).await? {
            self.give_up_if_hopeless(id, deadline, "become ready")?;
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Whether `id` answers at `/readyz` that it is.
    pub async fn is_ready(&self, id: &str) -> Result<bool> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let address = self.with(id, |it| it.status().ops)?;
        let answer = http.get(format!("{address}/readyz")).send().await;
        Ok(answer.is_ok_and(|it| it.status().is_success()))
    }

    fn give_up_if_hopeless(&self, id: &str, deadline: Instant, what: &str) -> Result<()> {
        let (ended, log) = self.with(id, |it| (it.has_ended(), it.program.log.clone()))?;
        let why = match (ended, Instant::now() > deadline) {
            (true, _) => "it ended".to_owned(),
            (false, true) => format!("not within {PATIENCE:?}"),
            (false, false) => return Ok(()),
        };
        bail!("{id} did not {what}: {why}. The end of {}:\n{}", log.display(), tail(&log, 25))
    }

    /// Looks once after everything that should run, and starts again what died, later each time it dies soon after.
    /// Answers what was done, a line each.
    pub async fn revive(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.nats.has_ended() {
            lines.push(outcome("nats-server", "it ended", self.nats.restart().await));
        }
        if self.postgres.has_ended() {
            lines.push(outcome("PostgreSQL", "it ended", self.postgres.restart(true).await));
        }
        let dead: Vec<_> =
            self.instances().iter_mut().filter_map(|it| Some((it.id().to_owned(), it.died()?))).collect();
        for (id, (how, pause)) in dead {
            sleep(pause).await;
            let started = self.with(&id, super::Instance::count_death).and_then(|()| self.start_again(&id));
            lines.push(outcome(&id, &how, started));
        }
        lines
    }
}

fn outcome(who: &str, how: &str, started: Result<()>) -> String {
    match started {
        Ok(()) => format!("{who} died ({how}) and was started again"),
        Err(error) => format!("{who} died ({how}) and cannot be started again: {error:#}"),
    }
}
