//! What the gateways announce.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Event;

/// A client's calls that one gateway has answered within some seconds of one day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallsMetered {
    /// Who called.
    pub client_id: String,
    /// The client's plan at that time.
    pub plan: String,
    /// The instance that counted.
    pub gateway: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// By route and status.
    pub calls: Vec<MeteredCalls>,
}

/// So many calls that took one route and were answered with one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeteredCalls {
    /// The route's path at the gateway, e.g. `/api/store/v1/`.
    pub route: String,
    /// 499 if the caller went away before the answer began.
    pub status: u16,
    pub count: u32,
}

impl Event for CallsMetered {
    const TYPE: &'static str = "gateway.calls.metered.v1";

    fn aggregate(&self) -> String {
        self.client_id.clone()
    }
}
