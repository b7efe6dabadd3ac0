//! `GET /status`: how everything does, as this gateway sees it; and the same as metrics.

mod callers;
mod collected;
mod published;

use std::sync::Arc;

use axum::{Json, extract::State};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Allowed, Problem};

use crate::{
    App,
    breaker::Class,
    operators::{Operate, Operators},
    recent::Lately,
};
use callers::Callers;
pub use published::publish;

/// How everything does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// That of the service that does worst.
    health: Health,
    /// By name.
    services: Vec<Service>,
    token_cache: TokenCache,
    /// By route.
    limits: Vec<Limit>,
    callers: Callers,
}

/// How a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing stands in the way of a request.
    Well,
    /// An instance gets less than its share, or a breaker is not closed.
    Degraded,
    /// No instance runs, all are ejected, or every breaker is open.
    Down,
}

/// A service that a route leads to or of which an instance is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceStatus)]
pub struct Service {
    #[schema(example = "inventory")]
    name: String,
    health: Health,
    instances: Vec<Instance>,
    /// Those that a request has passed.
    breakers: Vec<Breaker>,
    /// Those that a request has passed.
    bulkheads: Vec<Bulkhead>,
    /// What callers were answered.
    lately: Lately,
}

/// One instance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstanceStatus)]
pub struct Instance {
    /// Its id in the registry; absent where addresses are fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    id: Option<Uuid>,
    /// Host and port.
    #[schema(example = "10.0.0.7:8080")]
    address: String,
    standing: Standing,
    /// Its share of the requests: 1 is all that it should get.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    weight: f64,
    /// Requests that it has not answered to the end.
    in_flight: usize,
    /// What it answered.
    lately: Lately,
}

/// Whether an instance gets requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Serving,
    /// For a while it gets none.
    Ejected,
    /// It gets more and more.
    Returning,
}

/// A circuit breaker, for one class of methods.
#[derive(Debug, Serialize, ToSchema)]
pub struct Breaker {
    #[schema(example = "usual")]
    policy: &'static str,
    #[schema(value_type = String, example = "read")]
    class: Class,
    #[schema(example = "closed", pattern = "^(closed|open|half_open)$")]
    state: &'static str,
    /// Calls in its window.
    calls: u32,
    /// Of them failed.
    failed: u32,
    /// Of them slow.
    slow: u32,
}

/// A bulkhead.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bulkhead {
    #[schema(example = "usual")]
    policy: &'static str,
    in_flight: usize,
    /// How many there may be.
    places: usize,
    waiting: usize,
    /// How many may wait.
    queue: usize,
}

/// What is remembered of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenCache {
    /// Tokens for one service each.
    granted: usize,
    refused: usize,
    /// Requests whose token was known.
    hits: u64,
    /// Requests that waited for a question under way.
    joined: u64,
    /// Questions to auth.
    misses: u64,
}

/// How many requests a route lets in at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Limit {
    #[schema(example = "/api/inventory/v1/")]
    route: &'static str,
    in_flight: usize,
    /// So many and no more.
    most: usize,
}

/// How everything does
///
/// As this instance of the gateway sees it now. Rates and percentiles are those of the last minute.
#[utoipa::path(
    get,
    path = "/status",
    tag = "operators",
    operation_id = "status",
    responses((status = 200, description = "How everything does.", body = Status), web::contract::Problems),
    security(("oauth2" = ["gateway:operate"])),
)]
async fn status(
    State(app): State<Arc<App>>,
    _: Allowed<Operate>,
) -> Result<([(header::HeaderName, &'static str); 1], Json<Status>), Problem> {
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Status::of(&app))))
}

/// The page, with its description.
pub fn router() -> OpenApiRouter<Operators> {
    OpenApiRouter::new().routes(routes!(status))
}
