//! Tells clients that a session has ended (OpenID Connect Back-Channel Logout), after the transaction that ended it.

use std::time::Duration;

use crash::Point;
use database::within;
use futures::{StreamExt, stream};
use reqwest::{Client, StatusCode, redirect::Policy};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{App, db, domain::Logout, error::Error};

/// How soon after it is due a client is told.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take to answer, all told.
const PATIENCE: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 16;
const BATCH: i64 = 32;
/// Some hour after the first attempt.
const ATTEMPTS: i16 = 6;

/// Tells those that are due once a second, until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    // A redirect could lead to an address that nobody has registered.
    let http = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build();
    let http = http.expect("the TLS backend is built in");
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = round(&app, &http, &stop).await {
            tracing::warn!(%error, "clients cannot be told of logouts; trying again");
        }
    }
}

async fn round(app: &App, http: &Client, stop: &CancellationToken) -> Result<(), Error> {
    while !stop.is_cancelled() {
        let now = app.clock.now();
        let due = within(async { db::is_logout_due(&mut *app.pool.get().await?, now).await });
        if !due.await? {
            return Ok(());
        }
        let taken =
            within(async { db::take_up_logouts(&mut *app.pool.single("take up logouts").await?, BATCH, now).await });
        let told = stream::iter(taken.await?).map(|logout| tell(app, http, logout)).buffer_unordered(AT_ONCE);
        told.for_each(async |outcome| {
            if let Err(error) = outcome {
                tracing::warn!(%error, "a logout stays to be told");
            }
        })
        .await;
    }
    Ok(())
}

async fn tell(app: &App, http: &Client, logout: Logout) -> Result<(), Error> {
    let token = app.signer.logout_token(logout.algorithm, &logout.claims(&app.issuer, app.clock.now()))?;
    let answer = Point::new("tell client").around(post(http, &logout.uri, &token)).await;
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

// What the answer says is not read, however long it is.
async fn post(http: &Client, uri: &str, token: &str) -> Result<StatusCode, reqwest::Error> {
    Ok(http.post(uri).form(&[("logout_token", token)]).send().await?.status())
}
