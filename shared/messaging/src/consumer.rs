//! A durable consumer: lets each event take effect once, tries again with backoff, and sets aside what never will, so
//! that one poisonous message does not block the rest.

use std::time::Duration;

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{AckPolicy, pull},
};
use crash::Point;
use database::within;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    bus::Bus,
    dead_letters::{self, NewLetter},
    failures,
    stream::{self, BoxError},
    subscription::{Reaction, blameless},
};

/// A passing fault is waited out on the spot, which keeps the order; after that the next messages go first.
const ON_THE_SPOT: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];
/// How often that makes at each delivery.
const TRIES: i32 = 3;
/// After so many attempts that failed a message is set aside.
const ATTEMPTS: i32 = 6 * TRIES;
/// How long an effect may take before the message is delivered again. Effects take milliseconds; this is how long an
/// event is late whose delivery was lost in a crash.
const ACK_WAIT: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);
/// How long one request for messages waits, and how often the server says meanwhile that it still knows of it: one that
/// was forgotten in a restart is noticed after two heartbeats.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How many messages wait here to be handled. Even if each fails and is tried again on the spot, their turn comes
/// before the time for their acknowledgement is over; it also bounds the memory they take.
const AHEAD: usize = 16;
/// While the database does not answer.
const OUTAGE: Duration = Duration::from_millis(500);

pub(crate) async fn run(bus: &Bus, reaction: &Reaction, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let Err(error) = follow(bus, reaction, stop).await else { continue };
        tracing::warn!(%error, consumer = reaction.consumer, "cannot follow events; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Follows until told to stop, or until the connection is a new one. An effect that has begun is finished.
async fn follow(bus: &Bus, reaction: &Reaction, stop: &CancellationToken) -> Result<(), BoxError> {
    let mut connections = bus.connections.clone();
    connections.borrow_and_update();
    let mut messages = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        messages = request(bus, reaction) => messages?,
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = connections.changed() => break,
            message = messages.try_next() => match message? {
                Some(message) => traced(bus, reaction, &message).await?,
                None => break,
            },
        }
    }
    // What was sent ahead goes to another instance at once instead of after the acknowledgement's time.
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        hand_back(&message, None).await?;
    }
    Ok(())
}

async fn request(bus: &Bus, reaction: &Reaction) -> Result<pull::Stream, BoxError> {
    let stream = stream::of_service(&bus.jetstream, stream::publisher(reaction.event_type)).await?;
    let config = pull::Config {
        durable_name: Some(reaction.consumer.clone()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: 256,
        // One subject per consumer: nats-server 2.9 drops a list of them without a word.
        filter_subject: reaction.event_type.to_owned(),
        ..pull::Config::default()
    };
    let making = stream.get_or_create_consumer(&reaction.consumer, config);
    let consumer = Point::new("make consumer").of(reaction.event_type).around(making).await?;
    if consumer.cached_info().config.filter_subject != reaction.event_type {
        return Err("the server did not keep the consumer's filter".into());
    }
    Ok(consumer.stream().max_messages_per_batch(AHEAD).expires(PULL).heartbeat(HEARTBEAT).messages().await?)
}

async fn traced(bus: &Bus, reaction: &Reaction, message: &Message) -> Result<(), BoxError> {
    let span = tracing::info_span!("event", consumer = reaction.consumer);
    let parent = message.headers.as_ref().and_then(|headers| headers.get("traceparent"));
    web::telemetry::continue_trace(&span, parent.map(AsRef::as_ref));
    handle(bus, reaction, message).instrument(span).await
}

async fn handle(bus: &Bus, reaction: &Reaction, message: &Message) -> Result<(), BoxError> {
    let again = message.info()?.delivered > 1;
    let outcome = match (reaction.check)(&message.payload) {
        Err(error) => set_aside(bus, reaction, message, &error.to_string()).await,
        Ok(event) => match on_the_spot(bus, reaction, event, message, again).await {
            Err(error) if !blameless(&error) => within(count(bus, reaction, message, event, &error)).await,
            outcome => outcome.map(|()| None),
        },
    };
    let pause = outcome.unwrap_or_else(|error| {
        tracing::warn!(error = format!("{error:#}"), "an event waits for the database");
        Some(OUTAGE)
    });
    match pause {
        None => Point::new("acknowledge").of(reaction.event_type).around(message.double_ack()).await,
        Some(pause) => hand_back(message, Some(pause)).await,
    }
}

async fn hand_back(message: &Message, until: Option<Duration>) -> Result<(), BoxError> {
    Point::new("hand back").around(message.ack_with(AckKind::Nak(until))).await
}

async fn on_the_spot(
    bus: &Bus,
    reaction: &Reaction,
    event: Uuid,
    message: &Message,
    again: bool,
) -> anyhow::Result<()> {
    for pause in ON_THE_SPOT {
        match within(take_effect(bus, reaction, event, message, again)).await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::info!(error = format!("{error:#}"), "an event did not take effect yet"),
        }
        tokio::time::sleep(pause).await;
    }
    within(take_effect(bus, reaction, event, message, again)).await
}

/// Lets an event take effect, once.
async fn take_effect(
    bus: &Bus,
    reaction: &Reaction,
    event: Uuid,
    message: &Message,
    again: bool,
) -> anyhow::Result<()> {
    let mut tx = bus.pool.begin().await?;
    if reaction.take_effect(&mut tx, event, &message.payload).await? {
        if again {
            failures::forget(&mut tx, &reaction.consumer, event).await?;
        }
        tx.commit(Point::new("take effect").of(reaction.event_type)).await?;
        metrics::counter!("events_consumed_total", "consumer" => reaction.consumer.clone()).increment(1);
    }
    Ok(())
}

/// Counts a failure, and answers how long to wait before the next attempt. The last one sets the message aside.
async fn count(
    bus: &Bus,
    reaction: &Reaction,
    message: &Message,
    event: Uuid,
    error: &anyhow::Error,
) -> anyhow::Result<Option<Duration>> {
    let mut tx = bus.pool.begin().await?;
    let failure = failures::add(&mut tx, &reaction.consumer, event, TRIES).await?;
    let last = failure.attempts >= ATTEMPTS;
    if last {
        let letter = NewLetter::of(reaction, message, &format!("{error:#}"))?.after(&failure);
        dead_letters::insert(&mut tx, &letter).await?;
        failures::forget(&mut tx, &reaction.consumer, event).await?;
    } else {
        tracing::warn!(error = format!("{error:#}"), failure.attempts, "an event did not take effect; trying again");
    }
    tx.commit(Point::new("count failure").of(reaction.event_type)).await?;
    Ok((!last).then(|| backoff(failure.attempts)))
}

async fn set_aside(bus: &Bus, reaction: &Reaction, message: &Message, why: &str) -> anyhow::Result<Option<Duration>> {
    let letter = NewLetter::of(reaction, message, why)?;
    within(async { dead_letters::insert(&mut *bus.pool.single("set aside").await?, &letter).await }).await?;
    Ok(None)
}

/// 50 ms, 100 ms, 200 ms and so on, by how often it was tried.
fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts / TRIES - 1).unwrap_or(0);
    Duration::from_millis(50 * 2_u64.pow(doublings.min(8)))
}
