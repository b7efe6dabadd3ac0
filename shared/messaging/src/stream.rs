//! One JetStream stream per service, named after it, holding all that it announces.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    stream::{Config, StorageType, Stream},
};
use crash::Point;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a consumer may be away and still miss nothing. Shorter than the inbox's memory.
const KEPT: Duration = Duration::from_hours(3 * 24);
/// JetStream itself drops a repeated `Nats-Msg-Id` within this time.
const DUPLICATES: Duration = Duration::from_mins(2);

/// The stream that `service` publishes to; made if it is not there yet, by whoever needs it first.
pub(crate) async fn of_service(jetstream: &Context, service: &str) -> Result<Stream, BoxError> {
    let config = Config {
        name: service.to_owned(),
        subjects: vec![format!("{service}.>")],
        max_age: KEPT,
        duplicate_window: DUPLICATES,
        storage: StorageType::File,
        num_replicas: 1,
        ..Config::default()
    };
    Ok(Point::new("make stream").of(service).around(jetstream.get_or_create_stream(config)).await?)
}

/// The service that announces events of this type: its first word.
pub(crate) fn publisher(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}
