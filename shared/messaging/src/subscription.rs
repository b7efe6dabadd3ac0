//! Which events a service reacts to, and how.

use std::{panic::AssertUnwindSafe, sync::Arc};

use anyhow::bail;
use contracts::{CloudEvent, Event};
use futures::{FutureExt, future::BoxFuture};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::inbox;

type Effect = dyn for<'a> Fn(&'a mut PgConnection, &'a [u8]) -> BoxFuture<'a, anyhow::Result<()>> + Send + Sync;

/// How a service reacts to one type of event.
#[derive(Clone)]
pub struct Reaction {
    /// The type of event.
    pub(crate) event_type: &'static str,
    /// Name of the durable consumer, and key of the inbox.
    pub(crate) consumer: String,
    pub(crate) check: fn(&[u8]) -> Result<Uuid, Unreadable>,
    pub(crate) effect: Arc<Effect>,
}

impl Reaction {
    /// Lets an event take effect in the transaction that is open on `db`; false if it had taken effect before. A panic
    /// is an error like others: no event may stop what comes after it.
    pub(crate) async fn take_effect(&self, db: &mut PgConnection, event: Uuid, body: &[u8]) -> anyhow::Result<bool> {
        let effect = async {
            let first = inbox::record(db, &self.consumer, event).await?;
            if first {
                (self.effect)(db, body).await?;
            }
            anyhow::Ok(first)
        };
        AssertUnwindSafe(effect).catch_unwind().await.unwrap_or_else(|_| bail!("the reaction panicked"))
    }
}

/// The database failed, not the effect: how often does not count against the event.
pub(crate) fn blameless(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<database::Error>().is_some_and(database::Error::unavailable))
}

/// The message is not an event of the type that is expected here: no retry will change that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("not an event of this type: {0}")]
    Body(#[from] serde_json::Error),
    #[error("unknown type or version: {0}")]
    Type(String),
}

/// All reactions of a service. Cheap to clone.
#[derive(Clone)]
pub struct Subscriptions {
    pub(crate) service: &'static str,
    reactions: Arc<Vec<Reaction>>,
}

impl Subscriptions {
    /// No reactions of `service` yet.
    pub fn of(service: &'static str) -> Self {
        Self { service, reactions: Arc::default() }
    }

    /// Adds a reaction to events `E`. It gets the connection on which a transaction is open (the one that records the
    /// event in the inbox), the event, and the time at which it became true. An error rolls back and is tried again.
    #[must_use]
    pub fn on<E, F>(mut self, react: F) -> Self
    where
        E: Event,
        F: for<'a> Fn(&'a mut PgConnection, E, OffsetDateTime) -> BoxFuture<'a, anyhow::Result<()>>
            + Send
            + Sync
            + 'static,
    {
        let effect: Arc<Effect> = Arc::new(move |db, body| match read::<E>(body) {
            Ok(event) => react(db, event.data, event.time),
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        });
        let reaction = Reaction {
            event_type: E::TYPE,
            consumer: format!("{}-{}", self.service, E::TYPE.replace('.', "-")),
            check: |body| read::<E>(body).map(|event| event.id.uuid()),
            effect,
        };
        Arc::make_mut(&mut self.reactions).push(reaction);
        self
    }

    pub(crate) fn reactions(&self) -> impl Iterator<Item = &Reaction> {
        self.reactions.iter()
    }

    pub(crate) fn find(&self, consumer: &str) -> Option<&Reaction> {
        self.reactions.iter().find(|reaction| reaction.consumer == consumer)
    }
}

fn read<E: Event>(body: &[u8]) -> Result<CloudEvent<E>, Unreadable> {
    #[derive(serde::Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    let Kind { kind } = serde_json::from_slice(body)?;
    if kind != E::TYPE {
        return Err(Unreadable::Type(kind));
    }
    Ok(serde_json::from_slice(body)?)
}
