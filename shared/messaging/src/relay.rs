//! The relay: publishes the outbox in batches with many acknowledgements in flight, keeps the order within each
//! aggregate, holds no transaction open while it waits, and marks only what was acknowledged.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        self,
        context::{PublishError, PublishErrorKind},
    },
};
use crash::Point;
use database::within;
use futures::future::join_all;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bus::Bus,
    outbox::{self, Waiting},
    stream::{self, BoxError},
};

/// How many rows are in flight at the most.
const BATCH: i64 = 250;
/// How long the acknowledgements of a batch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon the rows of other instances, and those that a crashed one left behind, are found.
const POLL: Duration = Duration::from_millis(50);
/// The same while something is held up: to find that nothing else waits, all that is held up is read.
const POLL_AROUND: Duration = Duration::from_millis(500);
/// How soon a standby relay takes over, and how long to wait after a failure.
const STANDBY: Duration = Duration::from_secs(1);
/// How long an event that was refused, or not acknowledged when others were, waits with what comes after it, so that the
/// others' turn comes first.
const HELD_UP: Duration = Duration::from_secs(5);
/// The lease lasts five seconds of the database's time; we give up asking for it earlier. A batch may outlast it: then a
/// standby publishes the same once more, in the same order, JetStream drops it, and only who holds the lease marks.
const LEASE: Duration = Duration::from_secs(3);
const RENEW: Duration = Duration::from_millis(1_500);

pub(crate) struct Relay {
    bus: Bus,
    id: Uuid,
    leased_at: Option<Instant>,
    forgot_at: Option<Instant>,
    /// Aggregates whose next event waits so, and since when.
    held_up: HashMap<String, Instant>,
    /// The connection on which NATS was given again what it may have lost before; 0 for none yet.
    assured: u64,
    /// When the stream was made that this is true of.
    stream_made: Option<OffsetDateTime>,
}

impl Relay {
    pub(crate) fn of(bus: Bus) -> Self {
        Self {
            bus,
            id: Uuid::now_v7(),
            leased_at: None,
            forgot_at: None,
            held_up: HashMap::new(),
            assured: 0,
            stream_made: None,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let committed = self.bus.pool.committed();
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "the outbox waits");
                    STANDBY
                }
            };
            if pause.is_zero() && !stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = committed.notified(), if self.leased_at.is_some() && pause < STANDBY => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.stop().await {
            tracing::warn!(%error, "the outbox's lease runs out by itself");
        }
    }

    /// One round; says how long to pause after it.
    async fn round(&mut self) -> Result<Duration, BoxError> {
        // The client would keep what is published now until it is connected again. Nor is the lease renewed: another
        // instance may be connected.
        if !self.bus.connected() {
            return Ok(POLL);
        }
        if !self.hold_lease().await? {
            return Ok(STANDBY);
        }
        let connection = self.bus.times_connected();
        if self.assured != connection {
            self.publish_again().await?;
            self.assured = connection;
        }
        self.forget().await?;
        self.held_up.retain(|_, since| since.elapsed() < HELD_UP);
        let (pool, held_up): (_, Vec<_>) = (&self.bus.pool, self.held_up.keys().cloned().collect());
        let waiting = within(async { outbox::list_waiting(&mut *pool.get().await?, &held_up, BATCH).await }).await?;
        if waiting.is_empty() {
            return Ok(if held_up.is_empty() { POLL } else { POLL_AROUND });
        }
        let answers = Point::new("publish").around(self.publish(&waiting)).await;
        // What NATS may have lost is counted back from the last mark: none may be set after a loss before that is done.
        if self.bus.times_connected() != connection || !self.bus.connected() {
            return Ok(POLL);
        }
        let mark = async {
            outbox::mark_published(&mut *pool.single("mark published").await?, &answers.published, self.id).await
        };
        if !within(mark).await? {
            self.leased_at = None;
            return Ok(STANDBY);
        }
        metrics::counter!("outbox_published_total").increment(answers.published.len() as u64);
        let Some(held_up) = answers.held_up(&waiting) else {
            // Perhaps somebody has deleted the stream: it is looked after when the lease is taken.
            self.leased_at = None;
            return Err("no event was acknowledged".into());
        };
        let now = Instant::now();
        self.held_up.extend(held_up.into_iter().map(|aggregate| (aggregate, now)));
        Ok(Duration::ZERO)
    }

    async fn hold_lease(&mut self) -> Result<bool, BoxError> {
        if self.leased_at.is_some_and(|at| at.elapsed() < RENEW) {
            return Ok(true);
        }
        let asked = Instant::now();
        let taken = timeout(LEASE, async {
            outbox::take_lease(&mut *self.bus.pool.single("take relay lease").await?, self.id).await
        });
        let taken = taken.await.map_err(|_| "the database does not answer")??;
        if taken {
            let stream = stream::of_service(&self.bus.jetstream, self.bus.service).await?;
            let made = Some(stream.cached_info().created);
            if self.stream_made != made {
                // Whoever made it, perhaps a consumer: what another before it held is gone.
                (self.assured, self.stream_made) = (0, made);
            }
        }
        self.leased_at = taken.then_some(asked);
        Ok(taken)
    }

    /// Publishes all, those of one aggregate one after another.
    async fn publish(&self, waiting: &[Waiting]) -> Answers {
        let mut aggregates: HashMap<&str, Vec<&Waiting>> = HashMap::new();
        for row in waiting {
            aggregates.entry(&row.aggregate).or_default().push(row);
        }
        let until = Instant::now() + PATIENCE;
        let published = aggregates.into_values().map(|rows| self.publish_in_order(rows, until));
        let (published, refused): (Vec<_>, Vec<_>) = join_all(published).await.into_iter().unzip();
        Answers { published: published.concat(), refused: refused.into_iter().flatten().collect() }
    }

    /// The next leaves only when the one before it is acknowledged. Answers which were, and the aggregate if one was
    /// refused.
    async fn publish_in_order(&self, rows: Vec<&Waiting>, until: Instant) -> (Vec<Uuid>, Option<String>) {
        let mut published = Vec::with_capacity(rows.len());
        for row in rows {
            match timeout_at(until, self.publish_one(row)).await {
                Ok(Ok(())) => published.push(row.id),
                Ok(Err(error)) => {
                    tracing::warn!(%error, id = %row.id, "not acknowledged");
                    return (published, refuses(&error).then(|| row.aggregate.clone()));
                }
                Err(_) => break,
            }
        }
        (published, None)
    }

    async fn publish_one(&self, row: &Waiting) -> Result<(), BoxError> {
        let body = serde_json::to_vec(&row.body)?;
        self.bus.jetstream.publish_with_headers(row.subject.clone(), headers(row), body.into()).await?.await?;
        Ok(())
    }

    /// Lets what JetStream acknowledged lately be published once more.
    async fn publish_again(&self) -> Result<(), BoxError> {
        stream::of_service(&self.bus.jetstream, self.bus.service).await?;
        let pool = &self.bus.pool;
        let again = async { outbox::publish_lately_again(&mut *pool.single("publish again").await?).await };
        let rows = within(again).await?;
        tracing::info!(rows, "publishing again what NATS may have lost");
        Ok(())
    }

    /// Once in a while, and not before NATS was given again what it may have lost.
    async fn forget(&mut self) -> Result<(), BoxError> {
        let forgot_lately = self.forgot_at.is_some_and(|at| at.elapsed() < self.bus.cleaning);
        if forgot_lately {
            return Ok(());
        }
        self.forgot_at = Some(Instant::now());
        let pool = &self.bus.pool;
        let forget = || within(async { outbox::forget_published(&mut *pool.single("forget published").await?).await });
        while forget().await? == outbox::FORGOTTEN_AT_ONCE {}
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), BoxError> {
        // What was committed by the last requests still leaves now, if NATS is there.
        while self.leased_at.is_some() && self.bus.connected() && self.round().await?.is_zero() {}
        let pool = &self.bus.pool;
        let back = async { outbox::give_lease_back(&mut *pool.single("give relay lease back").await?, self.id).await };
        within(back).await?;
        Ok(())
    }
}

/// What came of a batch.
struct Answers {
    /// The events that were acknowledged.
    published: Vec<Uuid>,
    /// The aggregates of which an event was refused for its own sake.
    refused: Vec<String>,
}

impl Answers {
    /// The aggregates that are to wait: those of which an event was refused, and if others were acknowledged, those of which
    /// none was. `None`: nobody said anything, which is no single event's fault.
    fn held_up(self, waiting: &[Waiting]) -> Option<HashSet<String>> {
        let Self { published, refused } = self;
        let mut held_up: HashSet<_> = refused.into_iter().collect();
        if published.is_empty() {
            return (!held_up.is_empty()).then_some(held_up);
        }
        let (left, all_right): (Vec<_>, Vec<_>) = waiting.iter().partition(|row| !published.contains(&row.id));
        let all_right: HashSet<_> = all_right.into_iter().map(|row| &row.aggregate).collect();
        let left: HashSet<_> = left.into_iter().map(|row| &row.aggregate).collect();
        held_up.extend(left.difference(&all_right).map(|aggregate| (*aggregate).clone()));
        Some(held_up)
    }
}

/// The message itself is at fault, for example too large; not the stream, nor that nobody answers, which is so for all.
fn refuses(error: &BoxError) -> bool {
    let for_all = match error.downcast_ref().map(PublishError::kind) {
        Some(PublishErrorKind::Other) => error
            .source()
            .and_then(|error| error.downcast_ref())
            .is_some_and(|error: &jetstream::Error| error.code() >= 500),
        Some(PublishErrorKind::MaxPayloadExceeded) | None => false,
        Some(_) => true,
    };
    !for_all
}

fn headers(row: &Waiting) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, row.id.to_string().as_str());
    headers.insert("Content-Type", "application/cloudevents+json");
    if let Some(traceparent) = &row.traceparent {
        headers.insert("traceparent", traceparent.as_str());
    }
    headers
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::{Config, DiscardPolicy};

    use super::*;

    fn row(aggregate: &str) -> Waiting {
        let (subject, body) = ("inventory.x".to_owned(), serde_json::Value::Null);
        Waiting { id: Uuid::now_v7(), subject, aggregate: aggregate.to_owned(), body, traceparent: None }
    }

    #[test]
    fn only_what_is_refused_or_was_not_acknowledged_when_others_were_is_held_up() {
        let waiting = ["a", "a", "b", "c"].map(row);
        let held_up = |published: &[usize], refused: &[&str]| {
            let published = published.iter().map(|nth| waiting[*nth].id).collect();
            let answers = Answers { published, refused: refused.iter().map(ToString::to_string).collect() };
            let held_up = answers.held_up(&waiting);
            held_up.map(|held_up| {
                let mut held_up: Vec<_> = held_up.into_iter().collect();
                held_up.sort();
                held_up.concat()
            })
        };
        assert_eq!(held_up(&[], &[]), None, "nobody answers");
        assert_eq!(held_up(&[], &["b"]).as_deref(), Some("b"), "the others only had no time");
        assert_eq!(held_up(&[0], &[]).as_deref(), Some("bc"), "what came after the first of its own may be next");
        assert_eq!(held_up(&[0, 2], &["a"]).as_deref(), Some("ac"));
        assert_eq!(held_up(&[0, 1, 2, 3], &[]).as_deref(), Some(""));
    }

    #[tokio::test]
    async fn a_message_that_is_too_large_is_refused_and_one_for_a_full_stream_or_none_only_has_to_wait() {
        let nats = testkit::nats::server().await;
        let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
        let config = Config {
            name: "full".to_owned(),
            subjects: vec!["full.>".to_owned()],
            max_messages: 1,
            discard: DiscardPolicy::New,
            ..Config::default()
        };
        jetstream.create_stream(config).await.unwrap();
        let publish = async |subject: &'static str, bytes: usize| -> Result<(), BoxError> {
            jetstream.publish(subject, vec![b'x'; bytes].into()).await?.await?;
            Ok(())
        };
        publish("full.x", 1).await.unwrap();
        assert!(!refuses(&publish("full.x", 1).await.unwrap_err()));
        assert!(!refuses(&publish("nobody.x", 1).await.unwrap_err()));
        assert!(refuses(&publish("full.x", 2_000_000).await.unwrap_err()));
    }
}
