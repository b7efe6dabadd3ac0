//! Counters that several processes share: keys of a NATS bucket on disk, changed by compare-and-set.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client,
    connection::State,
    jetstream::{
        Context, kv,
        kv::{Operation, UpdateErrorKind},
        stream::{Config, DiscardPolicy, StorageType},
    },
};
use crash::Point;
use tokio::{sync::OnceCell, time::timeout};

use crate::stream::BoxError;

const PATIENCE: Duration = Duration::from_secs(1);

/// Counters. Cheap to clone.
#[derive(Clone)]
pub struct Tallies {
    client: Client,
    jetstream: Context,
    bucket: &'static str,
    forget: Duration,
    store: Arc<OnceCell<kv::Store>>,
}

/// It is not known whether the counter was changed.
#[derive(Debug, thiserror::Error)]
#[error("the counter cannot be changed: {0}")]
pub struct NoTally(#[from] BoxError);

impl Tallies {
    pub(crate) fn new(client: Client, jetstream: Context, bucket: &'static str, forget: Duration) -> Self {
        Self { client, jetstream, bucket, forget, store: Arc::default() }
    }

    /// Changes a counter, which begins at 0, to what `change` makes of it, however many others do so; answers its value
    /// before and after. `change` may be asked more than once.
    pub async fn change(&self, key: &str, change: impl Fn(u64) -> u64) -> Result<(u64, u64), NoTally> {
        if self.client.connection_state() != State::Connected {
            return Err(BoxError::from("NATS is away").into());
        }
        let changed = timeout(PATIENCE, self.compare_and_set(key, change));
        Ok(Point::new("change tally").around(changed).await.map_err(BoxError::from).flatten()?)
    }

    async fn compare_and_set(&self, key: &str, change: impl Fn(u64) -> u64) -> Result<(u64, u64), BoxError> {
        let store = self.store.get_or_try_init(|| open(&self.jetstream, self.bucket, self.forget)).await?;
        loop {
            let (before, revision) = match store.entry(key).await? {
                Some(entry) if entry.operation == Operation::Put => (read(&entry.value)?, entry.revision),
                Some(gone) => (0, gone.revision),
                None => (0, 0),
            };
            let after = change(before);
            if after == before {
                return Ok((before, after));
            }
            match store.update(key, after.to_string().into(), revision).await {
                Ok(_) => return Ok((before, after)),
                // Somebody was faster.
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn read(value: &[u8]) -> Result<u64, BoxError> {
    Ok(std::str::from_utf8(value)?.parse()?)
}

// Made as the stream that it is: nats-server 2.9 answers the key-value call with an account that the client cannot read.
async fn open(jetstream: &Context, bucket: &str, forget: Duration) -> Result<kv::Store, BoxError> {
    let config = Config {
        name: format!("KV_{bucket}"),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        max_age: forget,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: 1,
        ..Config::default()
    };
    Point::new("make tallies").around(jetstream.get_or_create_stream(config)).await?;
    Ok(jetstream.get_key_value(bucket).await?)
}
