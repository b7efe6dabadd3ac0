//! The bucket. Made as the stream that it is: nats-server 2.9 answers the key-value call with an account that the
//! client cannot read.

use std::time::Duration;

use async_nats::jetstream::{
    Context, kv,
    stream::{Config, DiscardPolicy, StorageType},
};

const BUCKET: &str = "services";
/// What is silent for longer is forgotten by NATS too.
const FORGET: Duration = Duration::from_secs(10);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn open(jetstream: &Context) -> Result<kv::Store, BoxError> {
    let config = Config {
        name: format!("KV_{BUCKET}"),
        subjects: vec![format!("$KV.{BUCKET}.>")],
        max_messages_per_subject: 1,
        max_age: FORGET,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: 1,
        ..Config::default()
    };
    jetstream.get_or_create_stream(config).await?;
    Ok(jetstream.get_key_value(BUCKET).await?)
}
