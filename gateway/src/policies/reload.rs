//! Policies change while requests go on: after SIGHUP at once, after a change of the file within a second. What is
//! wrong is said and not taken over.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::time::sleep;

use super::Policies;

const LOOK: Duration = Duration::from_millis(500);

/// The policies of now.
pub type Shared = Arc<ArcSwap<Policies>>;

/// Takes over what the file says whenever it says something else. `text` is what was read last. Never ends.
pub async fn follow(shared: Shared, file: PathBuf, mut text: String) {
    let (mut hangups, mut unread) = (Hangups::new(), 0_u64);
    loop {
        let asked = tokio::select! {
            () = hangups.next() => true,
            () = sleep(LOOK) => false,
        };
        match tokio::fs::read_to_string(&file).await {
            Ok(now) => {
                if asked || now != text {
                    take(&shared, &now, &file);
                    text = now;
                }
                unread = 0;
            }
            Err(error) => {
                unread += 1;
                // Between deletion and renaming there is none for a moment.
                if asked || unread == 2 {
                    count("refused");
                    tracing::error!(%error, file = %file.display(), "policies cannot be read; the old ones stay");
                }
            }
        }
    }
}

fn take(shared: &Shared, text: &str, file: &std::path::Path) {
    let taken = Policies::read(text);
    count(if taken.is_ok() { "taken" } else { "refused" });
    match taken {
        Ok(policies) => {
            shared.store(Arc::new(policies));
            tracing::info!(file = %file.display(), "new policies");
        }
        Err(fault) => tracing::error!(%fault, file = %file.display(), "policies refused; the old ones stay"),
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("gateway_policy_reloads_total", "outcome" => outcome).increment(1);
}

#[cfg(unix)]
struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    fn new() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        Self(signal.inspect_err(|error| tracing::error!(%error, "cannot wait for SIGHUP")).ok())
    }

    async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
