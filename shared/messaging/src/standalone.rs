//! Events and counters for a process that keeps no database: what it announces waits for JetStream's acknowledgement in
//! its own memory.

use std::time::Duration;

use async_nats::{Client, HeaderMap, connection::State, header::NATS_MESSAGE_ID, jetstream};
use contracts::{Event, EventId};
use crash::Point;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    bus::{Error, connection},
    outbox::envelope,
    stream::{self, BoxError, publisher},
    tally::Tallies,
};

const PATIENCE: Duration = Duration::from_secs(2);

/// A connection without outbox and inbox. Cheap to clone.
#[derive(Clone)]
pub struct Standalone {
    client: Client,
    jetstream: jetstream::Context,
}

/// It is not known whether NATS has it.
#[derive(Debug, thiserror::Error)]
#[error("not acknowledged: {0}")]
pub struct Unacknowledged(#[from] BoxError);

impl Standalone {
    /// Connects. A server that does not answer yet is tried again in the background.
    pub async fn connect(name: &str, nats_url: &str) -> Result<Self, Error> {
        let client = registry::connect(connection(name), nats_url).await?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream })
    }

    /// NATS answers.
    pub fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Announces an event and waits until JetStream has it. Announced again under the same `id` it takes effect once.
    pub async fn announce<E: Event>(&self, id: EventId, event: &E, now: OffsetDateTime) -> Result<(), Unacknowledged> {
        let announced = Point::new("announce unstored").around(timeout(PATIENCE, self.publish(id, event, now)));
        Ok(announced.await.map_err(BoxError::from).flatten()?)
    }

    async fn publish<E: Event>(&self, id: EventId, event: &E, now: OffsetDateTime) -> Result<(), BoxError> {
        if !self.connected() {
            return Err("NATS is away".into());
        }
        stream::of_service(&self.jetstream, publisher(E::TYPE)).await?;
        let mut envelope = envelope(event, None, now);
        envelope.id = id;
        let body = serde_json::to_vec(&envelope)?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string().as_str());
        headers.insert("Content-Type", "application/cloudevents+json");
        self.jetstream.publish_with_headers(E::TYPE, headers, body.into()).await?.await?;
        Ok(())
    }

    /// Counters in a bucket of this name, each forgotten when it did not change for so long.
    pub fn tallies(&self, bucket: &'static str, forget: Duration) -> Tallies {
        Tallies::new(self.client.clone(), self.jetstream.clone(), bucket, forget)
    }
}
