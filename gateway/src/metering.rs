//! Counts the calls of each client by route and status and announces them every few seconds: accounting makes monthly
//! statements of them. What is not acknowledged is kept and announced again, under the same id.

mod counts;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::{EventId, gateway::CallsMetered};
use futures::future::join_all;
use http::StatusCode;
use messaging::Standalone;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{claims::Claims, day::Day, routes::Route};
use counts::Counts;

const EVERY: Duration = Duration::from_secs(3);
/// Kinds of calls, by client, plan, route and status, that are counted at a time.
const ROOM: usize = 100_000;
const AT_ONCE: usize = 32;
/// The caller went away before there was an answer.
const GONE: u16 = 499;

/// What was counted and not announced yet.
pub struct Metering {
    counts: Counts,
    gateway: Uuid,
}

impl Default for Metering {
    fn default() -> Self {
        Self { counts: Counts::new(ROOM), gateway: Uuid::now_v7() }
    }
}

impl Metering {
    /// A call begins.
    pub fn enter(self: &Arc<Self>, route: &Route) -> Metered {
        Metered { metering: Arc::clone(self), route: route.prefix, caller: None }
    }

    fn count(&self, caller: &Claims, route: &'static str, status: u16, now: Instant) {
        if !self.counts.add(caller, route, status, Day::at(now).number) {
            metrics::counter!("gateway_calls_unmetered_total").increment(1);
        }
    }

    /// Announces what was counted, again and again, and at last what is left when all are answered. While there is
    /// something that NATS does not take, the counts grow and nothing more is cut off.
    pub async fn announce(self: Arc<Self>, nats: Standalone, drained: CancellationToken) {
        let (mut waiting, mut since) = (VecDeque::new(), OffsetDateTime::now_utc());
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut over = false;
        while !over {
            over = tokio::select! {
                _ = ticks.tick() => false,
                () = drained.cancelled() => true,
            };
            if waiting.is_empty() || over {
                let until = OffsetDateTime::now_utc();
                let events = self.counts.cut(self.gateway, since, until).into_iter();
                waiting.extend(events.map(|event| (EventId::generate(), event)));
                since = until;
            }
            send(&nats, &mut waiting).await;
        }
        if !waiting.is_empty() {
            tracing::error!(events = waiting.len(), "metered calls are lost: NATS did not take them before the stop");
        }
    }
}

// From the first to the last, until some are not taken.
async fn send(nats: &Standalone, waiting: &mut VecDeque<(EventId, CallsMetered)>) {
    while !waiting.is_empty() {
        let some = waiting.iter().take(AT_ONCE);
        let sent = join_all(some.map(|(id, event)| nats.announce(*id, event, event.until))).await;
        if let Some(error) = settle(waiting, sent) {
            tracing::warn!(%error, waiting = waiting.len(), "metered calls wait");
            return;
        }
    }
}

// Of the first ones, those that were not taken stay, where they were; answers why.
fn settle<T, E>(waiting: &mut VecDeque<T>, sent: Vec<Result<(), E>>) -> Option<E> {
    let first: Vec<_> = waiting.drain(..sent.len()).zip(sent).collect();
    let mut why = None;
    for (event, outcome) in first.into_iter().rev() {
        if let Err(error) = outcome {
            waiting.push_front(event);
            why = Some(error);
        }
    }
    why
}

/// A call under way. Whoever goes away before the answer has called all the same.
pub struct Metered {
    metering: Arc<Metering>,
    route: &'static str,
    caller: Option<Arc<Claims>>,
}

impl Metered {
    /// It is known who calls.
    pub fn by(&mut self, caller: &Arc<Claims>) {
        self.caller = Some(Arc::clone(caller));
    }

    /// The answer begins.
    pub fn answered(mut self, status: StatusCode, now: Instant) {
        if let Some(caller) = self.caller.take() {
            self.metering.count(&caller, self.route, status.as_u16(), now);
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take() {
            self.metering.count(&caller, self.route, GONE, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_stays_where_it_was_to_be_sent_again() {
        let mut waiting = VecDeque::from([1, 2, 3, 4, 5]);
        assert_eq!(settle(&mut waiting, vec![Err("first"), Ok(()), Err("third"), Ok(())]), Some("first"));
        assert_eq!(waiting, [1, 3, 5]);
        assert_eq!(settle(&mut waiting, vec![Ok::<_, &str>(()); 3]), None);
        assert!(waiting.is_empty());
    }
}
