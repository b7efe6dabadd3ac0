//! A service's connection to the events: its outbox relay and its consumers.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::{Client, ConnectOptions, Event, connection::State, jetstream};
use database::{Pool, Settings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{MIGRATOR, consumer, inbox, relay::Relay, subscription::Subscriptions};

/// The connection to the events cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables could not be made.
    #[error("the messaging tables cannot be made")]
    Database(#[from] database::Error),
    /// The address cannot be used.
    #[error("the NATS address cannot be used")]
    Nats(#[from] async_nats::ConnectError),
    /// The connection does not take subscriptions.
    #[error("cannot subscribe")]
    Subscribe,
}

/// How soon a lost server is tried again. The client's own backoff goes up to four seconds, which is long for whoever
/// waits for an event.
const RECONNECT: Duration = Duration::from_millis(500);

/// How often the server must give a sign. The connection is given up when two are missing: a server that is gone without
/// a word is noticed by nothing else (the client's own choice is a minute).
const SIGN: Duration = Duration::from_secs(2);

/// How often rows are deleted that nobody needs any more.
const CLEANING: Duration = Duration::from_mins(1);

/// A connection that tries again for as long as it takes.
pub(crate) fn connection(name: &str) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        .ping_interval(SIGN)
        .retry_on_initial_connect()
        .reconnect_delay_callback(|attempts| if attempts > 1 { RECONNECT } else { Duration::ZERO })
}

/// A service's connection to the events. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    pub(crate) service: &'static str,
    pub(crate) pool: Pool,
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    // Changes with every connection: requests for messages that were made on an earlier one are forgotten.
    pub(crate) connections: watch::Receiver<u64>,
    pub(crate) cleaning: Duration,
}

impl Bus {
    /// Makes the tables and connects. A NATS server that does not answer yet is tried again in the background.
    pub async fn open(service: &'static str, nats: &str, settings: &Settings, pool: &Pool) -> Result<Self, Error> {
        database::migrate(settings, &[&MIGRATOR]).await?;
        let (connected, connections) = watch::channel(0);
        let options = connection(service).event_callback(move |event| {
            if event == Event::Connected {
                connected.send_modify(|count| *count += 1);
            }
            std::future::ready(())
        });
        let client = registry::connect(options, nats).await?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { service, pool: pool.clone(), client, jetstream, connections, cleaning: CLEANING })
    }

    /// Deletes rows of outbox and inbox that nobody needs any more this often, instead of every minute.
    #[must_use]
    pub fn cleaning_every(self, cleaning: Duration) -> Self {
        Self { cleaning, ..self }
    }

    /// NATS answers. For readiness.
    pub fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Which connection this is, from 1 on. With another one, what was acknowledged lately may be gone.
    pub(crate) fn times_connected(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Publishes what the outbox holds, until told to stop.
    pub async fn relay(self, stop: CancellationToken) {
        Relay::of(self).run(stop).await;
    }

    /// Lets events take effect, until told to stop.
    pub async fn consume(self, subscriptions: Subscriptions, stop: CancellationToken) {
        let forget = inbox::forget_old(self.pool.clone(), self.cleaning, stop.clone());
        let consumers = subscriptions.reactions().map(|reaction| consumer::run(&self, reaction, &stop));
        tokio::join!(forget, futures::future::join_all(consumers));
    }
}
