//! Tells clients that a session has ended (OpenID Connect Back-Channel Logout), after the transaction that ended it.

use std::{collections::HashMap, time::Duration};

use crash::Point;
use database::within;
use reqwest::StatusCode;
use tokio::{
    task::{Id, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    db::{self, Room},
    domain::Logout,
    error::Error,
    outbound::Unanswered,
};

/// How soon after it is due a client is told.
const LOOK: Duration = Duration::from_secs(1);
/// How many are told at a time, and how many of them of one client: one that is slow holds no more than these. Whoever is
/// told least just now comes first, and of those who has not failed: there may be more silent clients than are told at a
/// time.
const AT_ONCE: usize = 32;
const PER_CLIENT: i64 = 4;
/// Some hour after the first attempt.
const ATTEMPTS: i16 = 6;

/// Tells those that are due once a second, and whenever there is room again, until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let mut telling = Telling { app, tasks: JoinSet::new(), told: HashMap::new() };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = telling.ended(), if !telling.tasks.is_empty() => {}
            _ = ticks.tick() => {}
        }
        if let Err(error) = telling.begin().await {
            tracing::warn!(%error, "clients cannot be told of logouts; trying again");
        }
    }
    while !telling.tasks.is_empty() {
        telling.ended().await;
    }
}

/// What is being told just now.
struct Telling {
    app: App,
    tasks: JoinSet<()>,
    /// To which client each of them is.
    told: HashMap<Id, String>,
}

impl Telling {
    /// Waits until one has ended, however it did.
    async fn ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return,
        };
        self.told.remove(&id);
    }

    /// Begins with as many as there is room for.
    async fn begin(&mut self) -> Result<(), Error> {
        let (pool, now) = (&self.app.pool, self.app.clock.now());
        let room = AT_ONCE.saturating_sub(self.tasks.len());
        if room == 0 || !within(async { db::is_logout_due(&mut *pool.get().await?, now).await }).await? {
            return Ok(());
        }
        let room = Room { all: i64::try_from(room).unwrap_or_default(), per_client: PER_CLIENT, told: self.told() };
        let taken =
            within(async { db::take_up_logouts(&mut *pool.single("take up logouts").await?, &room, now).await });
        for logout in taken.await? {
            let (app, client_id) = (self.app.clone(), logout.client_id.clone());
            let task = self.tasks.spawn(async move {
                if let Err(error) = tell(&app, logout).await {
                    tracing::warn!(%error, "a logout stays to be told");
                }
            });
            self.told.insert(task.id(), client_id);
        }
        Ok(())
    }

    fn told(&self) -> Vec<(String, i64)> {
        let mut told = HashMap::new();
        for client_id in self.told.values() {
            *told.entry(client_id.clone()).or_default() += 1;
        }
        told.into_iter().collect()
    }
}

async fn tell(app: &App, logout: Logout) -> Result<(), Error> {
    let token = app.signer.logout_token(logout.algorithm, &logout.claims(&app.issuer, app.clock.now()))?;
    let answer = Point::new("tell client").around(post(app, &logout, &token)).await;
    let status = answer.ok();
    let known = status.is_some_and(|status| status.is_success());
    let Logout { id, client_id, attempts, .. } = logout;
    if !known {
        let gives_up = attempts >= ATTEMPTS;
        tracing::warn!(client_id, attempts, ?status, gives_up, "a client does not take a logout");
        if !gives_up {
            return Ok(());
        }
    }
    let settled = within(async { db::delete_logout(&mut *app.pool.single("settle logout").await?, id).await });
    Ok(settled.await?)
}

async fn post(app: &App, logout: &Logout, token: &str) -> Result<StatusCode, Unanswered> {
    app.outbound.post(&logout.uri, logout.named_by_client, &[("logout_token", token)]).await
}
