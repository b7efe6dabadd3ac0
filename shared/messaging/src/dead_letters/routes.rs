//! `/v1/dead-letters`, the same in every service that reacts to events.

use axum::extract::{FromRef, State};
use serde::Deserialize;
use tracing::Instrument;
use utoipa::{IntoParams, ToSchema, openapi::security::SecurityRequirement};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Json, Page, Paging, Path, Problem, Query, Verifier, contract};

use super::{
    DeadLetters,
    actions::{self, DeadLetterAction},
    letters::{self, DeadLetter, DeadLetterState, DeadLetterSummary, Wanted},
    operator::Operator,
    redrive::{self, RedriveMany, Redriven, RedrivenMany, not_found},
    words::{DiscardReason, Name},
};

/// The routes, with scope `{service}:operate`.
pub fn router<S>(service: &str) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Verifier: FromRef<S>,
    DeadLetters: FromRef<S>,
{
    let mut router = OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(inspect))
        .routes(routes!(redrive))
        .routes(routes!(redrive_many))
        .routes(routes!(discard))
        .routes(routes!(list_actions));
    let scope = format!("{service}:operate");
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new("oauth2", [&scope])]);
        }
    }
    router
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those in this state; unless told, those that wait.
    #[serde(default)]
    #[param(inline)]
    state: DeadLetterState,
    /// Those of this reaction.
    #[param(inline)]
    consumer: Option<Name>,
    /// Those of this type of event.
    #[param(inline)]
    subject: Option<Name>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ActionFilter {
    /// Those to this letter.
    dead_letter: Option<Uuid>,
}

/// Why a message shall never take effect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Discard {
    #[schema(inline)]
    reason: DiscardReason,
}

/// List the messages that never took effect
#[utoipa::path(get, path = "/v1/dead-letters", operation_id = "list_dead_letters", tag = "operations",
    params(Filter, Paging),
    responses((status = 200, description = "A page of dead letters.", body = Page<DeadLetterSummary>), contract::Problems))]
async fn list(
    _: Operator,
    State(it): State<DeadLetters>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DeadLetterSummary>>, Problem> {
    let wanted = Wanted {
        state: filter.state,
        consumer: filter.consumer.as_ref().map(Name::as_str),
        subject: filter.subject.as_ref().map(Name::as_str),
        after: paging.cursor()?,
        rows: paging.limit.rows(),
    };
    let rows = letters::list(&mut *it.pool.get().await.map_err(failed)?, &wanted).await.map_err(failed)?;
    Ok(Json(Page::of(rows, paging.limit, |row| row.id.to_string())))
}

/// Inspect one message that never took effect
#[utoipa::path(get, path = "/v1/dead-letters/{id}", operation_id = "inspect_dead_letter", tag = "operations",
    params(("id" = Uuid, Path, description = "Which dead letter.")),
    responses((status = 200, description = "The dead letter with its headers and body.", body = DeadLetter),
        (status = 404, response = contract::NotFound), contract::Problems))]
async fn inspect(
    _: Operator,
    State(it): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    let mut db = it.pool.get().await.map_err(failed)?;
    let letter = letters::find(&mut db, id).await.map_err(failed)?;
    letter.map(Json).ok_or_else(not_found)
}

/// Run the reaction to a message again
///
/// It is recorded with who asked for it and what came of it. A message that fails again stays, with 409 and the new
/// error.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/redrive", operation_id = "redrive_dead_letter", tag = "operations",
    params(("id" = Uuid, Path, description = "Which dead letter.")),
    responses((status = 200, description = "It took effect, or had already.", body = Redriven),
        (status = 404, response = contract::NotFound), (status = 409, response = contract::Conflict),
        contract::Problems))]
async fn redrive(
    Operator(operator): Operator,
    State(it): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<Redriven>, Problem> {
    finished(async move { redrive::one(&it, id, &operator).await }).await.map(Json)
}

/// Run a reaction again for the messages that wait for it
///
/// At the most 100 of them and for at the most ten seconds, those last that failed again lately; ask again while some
/// wait. Each is recorded like a single one, and one that fails again stops no other.
#[utoipa::path(post, path = "/v1/dead-letter-redrives", operation_id = "redrive_dead_letters", tag = "operations",
    request_body = RedriveMany,
    responses((status = 200, description = "What came of it.", body = RedrivenMany),
        (status = 409, response = contract::Conflict), contract::Problems, contract::BodyProblems))]
async fn redrive_many(
    Operator(operator): Operator,
    State(it): State<DeadLetters>,
    Json(wanted): Json<RedriveMany>,
) -> Result<Json<RedrivenMany>, Problem> {
    finished(async move { redrive::many(&it, &wanted, &operator).await }).await.map(Json)
}

/// Decide that a message shall never take effect
///
/// It is recorded with who decided it, and why. Should the message come again, it does nothing.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/discard", operation_id = "discard_dead_letter", tag = "operations",
    params(("id" = Uuid, Path, description = "Which dead letter.")), request_body = Discard,
    responses((status = 200, description = "The dead letter, discarded.", body = DeadLetter),
        (status = 404, response = contract::NotFound), (status = 409, response = contract::Conflict),
        contract::Problems, contract::BodyProblems))]
async fn discard(
    Operator(operator): Operator,
    State(it): State<DeadLetters>,
    Path(id): Path<Uuid>,
    Json(discard): Json<Discard>,
) -> Result<Json<DeadLetter>, Problem> {
    redrive::discard(&it, id, &discard.reason, &operator).await.map(Json)
}

/// List what operators did to dead letters, the latest first
#[utoipa::path(get, path = "/v1/dead-letter-actions", operation_id = "list_dead_letter_actions", tag = "operations",
    params(ActionFilter, Paging),
    responses((status = 200, description = "A page of actions.", body = Page<DeadLetterAction>), contract::Problems))]
async fn list_actions(
    _: Operator,
    State(it): State<DeadLetters>,
    Query(filter): Query<ActionFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DeadLetterAction>>, Problem> {
    let before = paging.cursor()?;
    let mut db = it.pool.get().await.map_err(failed)?;
    let rows = actions::list(&mut db, filter.dead_letter, before, paging.limit.rows()).await.map_err(failed)?;
    Ok(Json(Page::of(rows, paging.limit, |row| row.id.to_string())))
}

/// Ends what was begun even if the caller goes away: a redrive that failed is recorded after it has failed.
async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work.in_current_span()).await.map_err(|error| Problem::internal(&error))?
}

// Passed to map_err, which hands the error over.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn failed(error: database::Error) -> Problem {
    if error.unavailable() { Problem::unavailable(&error) } else { Problem::internal(&error) }
}
