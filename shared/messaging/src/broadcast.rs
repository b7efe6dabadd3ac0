//! Events that every instance must hear at once, without a durable consumer: what was missed while the connection was
//! down is reported as a gap, and the listener forgets what it knew.

use async_nats::{Client, Event as Connection, Message, Subscriber};
use contracts::{CloudEvent, Event};
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use crate::bus::{Error, connection};

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<E> {
    /// From now on every event is heard. Earlier ones may have been missed.
    Listening,
    /// The connection is down: events are missed until the next [`Heard::Listening`].
    Gap,
    /// An event. It may come more than once.
    Event(E),
}

/// Listens to every event `E` from now on. A server that does not answer yet is tried again in the background.
pub async fn broadcast<E: Event>(
    name: &str,
    nats_url: &str,
) -> Result<impl Stream<Item = Heard<E>> + Send + use<E>, Error> {
    let (tell, changed) = mpsc::unbounded_channel();
    let options = connection(name).event_callback(move |event| {
        // An error means that nobody listens any more.
        let _ = tell.send(event);
        std::future::ready(())
    });
    let client = registry::connect(options, nats_url).await?;
    let echo_subject = client.new_inbox();
    let events = client.subscribe(E::TYPE).await.map_err(|_| Error::Subscribe)?;
    let echo = client.subscribe(echo_subject.clone()).await.map_err(|_| Error::Subscribe)?;
    let listener = Listener { changed, client, events, echo, echo_subject, round: 0 };
    Ok(stream::unfold(listener, async |mut listener| listener.next().await.map(|heard| (heard, listener))))
}

struct Listener {
    changed: mpsc::UnboundedReceiver<Connection>,
    client: Client,
    events: Subscriber,
    // A message to oneself comes back only when the server knows both subscriptions: connected is not yet listening.
    echo: Subscriber,
    echo_subject: String,
    // Of the last echo asked for; an older one says nothing about this connection.
    round: u64,
}

impl Listener {
    async fn next<E: Event>(&mut self) -> Option<Heard<E>> {
        loop {
            let heard = tokio::select! {
                change = self.changed.recv() => self.changed(&change?).await,
                echo = self.echo.next() => self.returned(&echo?),
                event = self.events.next() => Some(read(&event?)),
            };
            if heard.is_some() {
                return heard;
            }
        }
    }

    async fn changed<E: Event>(&mut self, change: &Connection) -> Option<Heard<E>> {
        match change {
            Connection::Connected => {
                self.ask_echo().await;
                None
            }
            Connection::Disconnected | Connection::Closed => {
                self.round += 1;
                Some(Heard::Gap)
            }
            // Messages were dropped on this side.
            Connection::SlowConsumer(_) => Some(Heard::Listening),
            _ => None,
        }
    }

    async fn ask_echo(&mut self) {
        self.round += 1;
        let round = self.round.to_string().into();
        // If the connection is gone again, the next one asks anew.
        if let Err(error) = self.client.publish(self.echo_subject.clone(), round).await {
            tracing::debug!(%error, "no echo");
        }
    }

    fn returned<E: Event>(&self, echo: &Message) -> Option<Heard<E>> {
        (echo.payload == self.round.to_string().as_bytes()).then_some(Heard::Listening)
    }
}

// One that cannot be read is one that was missed.
fn read<E: Event>(message: &Message) -> Heard<E> {
    match serde_json::from_slice::<CloudEvent<E>>(&message.payload) {
        Ok(event) => Heard::Event(event.data),
        Err(error) => {
            tracing::error!(%error, subject = E::TYPE, "an event cannot be read; taken for a gap");
            Heard::Listening
        }
    }
}
