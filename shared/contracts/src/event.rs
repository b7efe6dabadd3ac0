//! What an event is: a fact with a type, an aggregate it belongs to, and a `CloudEvents` 1.0 envelope.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::EventId;

/// A fact that a service announces. The wire form is pinned by a golden file per type.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `CloudEvents` `type` and NATS subject in one: `{service}.{noun}.{verb}.v{version}`.
    const TYPE: &'static str;

    /// The thing that changed; events of one aggregate are delivered in order.
    fn aggregate(&self) -> String;
}

/// The envelope: `CloudEvents` 1.0, structured mode (`CloudEvents` JSON format, section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudEvent<T> {
    /// Always `1.0`.
    pub specversion: String,
    /// Identity: the same for every delivery of the same fact.
    pub id: EventId,
    /// Who announces, as `/{service}`.
    pub source: String,
    /// [`Event::TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// [`Event::aggregate`].
    pub subject: String,
    /// When it became true.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// W3C Trace Context of the request that caused it (`CloudEvents` distributed tracing extension).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The fact.
    pub data: T,
}
