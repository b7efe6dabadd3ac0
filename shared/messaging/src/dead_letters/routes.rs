//! `/v1/dead-letters`, the same in every service that reacts to events.

use axum::extract::{FromRef, FromRequestParts, State};
use database::Pool;
use http::{StatusCode, request::Parts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi::security::SecurityRequirement};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Authenticated, Caller, Json, Page, Paging, Path, Problem, Query, Verifier, contract};

use super::rows::{self, DeadLetter, DeadLetterSummary};
use crate::{inbox, subscription::Subscriptions};

/// What the routes need: the reactions, to run them again, and the tables.
#[derive(Clone)]
pub struct DeadLetters {
    subscriptions: Subscriptions,
    pool: Pool,
}

impl DeadLetters {
    /// The dead letters of a service.
    pub fn of(subscriptions: Subscriptions, pool: Pool) -> Self {
        Self { subscriptions, pool }
    }
}

/// The routes, with scope `{service}:operate`.
pub fn router<S>(service: &str) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Verifier: FromRef<S>,
    DeadLetters: FromRef<S>,
{
    let mut router = OpenApiRouter::new().routes(routes!(list)).routes(routes!(inspect)).routes(routes!(redrive));
    let scope = format!("{service}:operate");
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new("oauth2", [&scope])]);
        }
    }
    router
}

/// A caller with scope `{service}:operate`; a user must be an operator besides.
struct Operator(Caller);

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Verifier: FromRef<S>,
    DeadLetters: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        let scope = format!("{}:operate", DeadLetters::from_ref(state).subscriptions.service);
        caller.require_scope(&scope)?;
        caller.require_role(&["operator"])?;
        Ok(Self(caller))
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those redriven with success instead of those that wait.
    #[serde(default)]
    redriven: bool,
}

/// A redrive that took effect.
#[derive(Serialize, ToSchema)]
pub struct Redriven {
    pub id: Uuid,
    /// False: the event had taken effect already, and nothing was done.
    pub took_effect: bool,
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
    let after = paging.cursor()?;
    let mut db = it.pool.get().await.map_err(failed)?;
    let rows = rows::list(&mut db, filter.redriven, after, paging.limit.rows()).await.map_err(failed)?;
    Ok(Json(Page::of(rows, paging.limit, |row| row.id.to_string())))
}

/// Inspect one message that never took effect
#[utoipa::path(get, path = "/v1/dead-letters/{id}", operation_id = "inspect_dead_letter", tag = "operations",
    params(("id" = Uuid, Path, description = "Which dead letter.")),
    responses((status = 200, description = "The dead letter with its body.", body = DeadLetter),
        (status = 404, response = contract::NotFound), contract::Problems))]
async fn inspect(
    _: Operator,
    State(it): State<DeadLetters>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    Ok(Json(find(&it, id).await?))
}

/// Run the reaction to a message again
///
/// It is recorded with who asked for it. A message that fails again stays, with 409 and the new error.
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
    let letter = find(&it, id).await?;
    let took_effect = again(&it, &letter, &operator.subject).await?;
    tracing::info!(%id, by = operator.subject, took_effect, "a dead letter was redriven");
    Ok(Json(Redriven { id, took_effect }))
}

async fn find(it: &DeadLetters, id: Uuid) -> Result<DeadLetter, Problem> {
    let mut db = it.pool.get().await.map_err(failed)?;
    let found = rows::find(&mut db, id).await.map_err(failed)?;
    found.ok_or_else(|| Problem::not_found("dead_letter_not_found", "There is no such dead letter"))
}

async fn again(it: &DeadLetters, letter: &DeadLetter, by: &str) -> Result<bool, Problem> {
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
    let still = |error: String| conflict("redrive_failed", "The message still does not take effect").detail(error);
    let reaction = it.subscriptions.find(&letter.summary.consumer);
    let reaction = reaction.ok_or_else(|| conflict("no_such_reaction", "The service no longer reacts to this"))?;
    let event = (reaction.check)(&letter.bytes).map_err(|error| still(error.to_string()))?;
    let mut tx = it.pool.begin().await.map_err(failed)?;
    if !rows::take_redrive(&mut tx, letter.summary.id, by).await.map_err(failed)? {
        return Err(conflict("already_redriven", "The message was redriven already"));
    }
    let took_effect = inbox::record(&mut tx, &reaction.consumer, event).await.map_err(failed)?;
    if took_effect {
        (reaction.effect)(&mut tx, &letter.bytes).await.map_err(|error| still(format!("{error:#}")))?;
    }
    tx.commit("redrive dead letter").await.map_err(failed)?;
    Ok(took_effect)
}

// Passed to map_err, which hands the error over.
#[allow(clippy::needless_pass_by_value)]
fn failed(error: database::Error) -> Problem {
    if error.unavailable() { Problem::unavailable(&error) } else { Problem::internal(&error) }
}
