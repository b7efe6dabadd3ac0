//! What was recorded for whoever watches over the suite.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{Json, Page, Paging, Problem, Query};

use crate::{
    App,
    db::{self, Recorded},
    error::Error,
    http::operators::Operator,
};

/// Which events are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this user (its id) or client (`client:{client_id}`).
    #[param(example = "01900000-0000-7000-8000-000000000001", max_length = 200)]
    subject: Option<String>,
    /// Those of this kind.
    #[param(example = "login_failed", max_length = 40)]
    kind: Option<String>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct SecurityEvent {
    id: Uuid,
    /// What happened.
    #[schema(example = "login_failed")]
    kind: String,
    /// Whom it concerns: the id of a user, or `client:{client_id}`; none for a name that nobody has.
    subject: Option<String>,
    /// The client that was used.
    client_id: Option<String>,
    /// The grant it is about.
    grant_id: Option<Uuid>,
    /// The operator who did it; none where nobody interfered.
    by: Option<String>,
    /// Where the request came from.
    #[schema(example = "192.0.2.1")]
    address: Option<String>,
    /// A word more.
    detail: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// Lists what was recorded, the latest first.
#[utoipa::path(get, path = "/auth/v1/security-events", operation_id = "listSecurityEvents", tag = "operation",
    summary = "What happened",
    description = "Logins, failures, locks, grants, revocations, reuse, keys and registrations, the latest first. Each \
        was written in the transaction that made it true, and is never changed.",
    params(Filter, Paging),
    responses((status = 200, description = "A page of events.", body = Page<SecurityEvent>), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn list(
    operator: Operator,
    State(app): State<App>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<SecurityEvent>>, Problem> {
    tracing::info!(by = operator.subject, "security events read");
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let (subject, kind) = (filter.subject.as_deref(), filter.kind.as_deref());
    let rows = db::list_security_events(&mut db, subject, kind, paging.cursor()?, paging.limit.rows()).await;
    let events = rows.map_err(Error::from)?.into_iter().map(SecurityEvent::from).collect();
    Ok(Json(Page::of(events, paging.limit, |event: &SecurityEvent| event.id.to_string())))
}

impl From<Recorded> for SecurityEvent {
    fn from(row: Recorded) -> Self {
        let Recorded { id, kind, subject, client_id, grant_id, by, address, detail, at } = row;
        Self { id, kind, subject, client_id, grant_id, by, address, detail, at }
    }
}
