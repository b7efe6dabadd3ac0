//! Events that every instance must hear at once, without a durable consumer: what was missed while the connection was
//! down is reported as a gap, and the listener forgets what it knew.

use async_nats::{ConnectOptions, Event as Connection};
use contracts::{CloudEvent, Event};
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use crate::bus::Error;

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<E> {
    /// An event.
    Event(E),
    /// The connection was down: events may have been missed.
    Gap,
}

/// Listens to every event `E` from now on.
pub async fn broadcast<E: Event>(name: &str, nats_url: &str) -> Result<impl Stream<Item = Heard<E>> + Send + use<E>, Error> {
    let (gap, mut gaps) = mpsc::channel(1);
    let client = ConnectOptions::new()
        .name(name)
        .retry_on_initial_connect()
        .event_callback(move |event| {
            if matches!(event, Connection::Disconnected | Connection::Connected) {
                // One gap that is not yet read stands for several.
                let _ = gap.try_send(());
            }
            async {}
        })
        .connect(nats_url)
        .await?;
    let messages = client.subscribe(E::TYPE).await.map_err(|_| Error::Subscribe)?;
    let events = messages.filter_map(|message| async move {
        match serde_json::from_slice::<CloudEvent<E>>(&message.payload) {
            Ok(event) => Some(Heard::Event(event.data)),
            Err(error) => {
                tracing::error!(%error, "an event cannot be read; taken for a gap");
                Some(Heard::Gap)
            }
        }
    });
    let gaps = stream::poll_fn(move |context| gaps.poll_recv(context)).map(|()| Heard::Gap);
    // The client lives as long as the stream.
    Ok(stream::select(events, gaps).map(move |heard| {
        let _ = &client;
        heard
    }))
}
