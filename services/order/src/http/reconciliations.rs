//! `/v1/reconciliations`: where the services disagree after one of them was put back to an earlier moment.

use axum::extract::State;
use contracts::OrderId;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use time::Duration;
use utoipa::ToSchema;
use web::{Allowed, Json, Paging, Problem, Query};

use super::permissions::Operate;
use crate::{
    App,
    domain::{
        self,
        reconciliation::{self, Decided, Disagreement, Participant, Step},
    },
    error::Result,
    reconciliation::{Surveyed, Taken, repair, survey},
};

/// How many orders are repaired at a time.
const AT_A_TIME: usize = 8;

/// What to do about what is found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationRequest {
    /// Ask again for what the orders' logs decide. Without it, nothing is changed.
    repair: bool,
    /// What to do about orders that are not known here.
    orphans: Orphans,
    /// What others may only not have reacted to yet is left alone for so long.
    #[schema(value_type = i64, minimum = 0, maximum = 86400, default = 60)]
    settled_for_seconds: Seconds,
}

/// Up to a day.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub struct Seconds(u32);

impl TryFrom<u32> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        if seconds <= 86_400 { Ok(Self(seconds)) } else { Err("must be at most 86400") }
    }
}

/// What to do about orders that participants know and this service does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// Name them.
    #[default]
    Name,
    /// With `repair`: undo them. Payments are voided or refunded, shipments cancelled, stock released, carts reopened.
    Undo,
}

impl Default for ReconciliationRequest {
    fn default() -> Self {
        Self { repair: false, orphans: Orphans::Name, settled_for_seconds: Seconds(60) }
    }
}

/// A page of orders, as far as somebody disagrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reconciliation {
    /// How many orders were looked at.
    #[schema(minimum = 0)]
    looked_at: usize,
    /// How many of them were left alone: a saga is at work on them, or others are just reacting.
    #[schema(minimum = 0)]
    left_alone: usize,
    /// The orders on which somebody disagrees, newest first.
    disputed: Vec<Disputed>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<OrderId>,
}

/// An order on which somebody disagrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct Disputed {
    order_id: OrderId,
    /// What its log decides; absent if it is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<domain::State>,
    /// Who disagrees.
    disagreements: Vec<Dissent>,
    /// The steps that were taken, with what came of them; empty without `repair`.
    taken: Vec<Taken>,
}

/// What one participant says.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dissent {
    with: Participant,
    /// Its own word; `nothing` if it does not know the order.
    found: String,
    /// What would make it agree. Empty: a person has to find out.
    steps: Vec<Step>,
}

/// Reconcile a page of orders
///
/// Holds what each participant says against what the order's log decides, newest order first, and names every order on
/// which somebody disagrees; also orders that participants know and this service does not. With `repair` it asks again
/// for what the log decides: the same requests and announcements as before, which have their effect once. Sagas that
/// are under way are left to themselves. Who asked stands in the order's timeline.
#[utoipa::path(
    post,
    path = "/v1/reconciliations",
    tag = "operations",
    operation_id = "reconcile",
    params(Paging),
    request_body = ReconciliationRequest,
    responses(
        (status = 200, description = "The page.", body = Reconciliation),
        (status = 503, description = "`participant_silent`: one of them does not answer; nothing was repaired.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems, web::contract::BodyProblems,
    ),
    security(("oauth2" = ["order:operate"])),
)]
pub async fn reconcile(
    State(app): State<App>,
    allowed: Allowed<Operate>,
    Query(paging): Query<Paging>,
    Json(request): Json<ReconciliationRequest>,
) -> Result<Json<Reconciliation>> {
    let (surveyed, next) = survey(&app.reconciler, &app.pool, paging.cursor()?, paging.limit.get()).await?;
    let looked_at = surveyed.len();
    let (disputed, alone): (Vec<_>, Vec<_>) = surveyed
        .into_iter()
        .map(|it| dispute(&app, it, &request))
        .partition(|it| it.as_ref().is_some_and(|it| !it.1.is_empty()));
    let left_alone = alone.iter().filter(|it| it.is_none()).count();
    let (app, request, by) = (&app, &request, &*allowed.caller.subject);
    let settled = stream::iter(disputed.into_iter().flatten()).map(|(it, open)| settle(app, it, open, request, by));
    let disputed = settled.buffered(AT_A_TIME).try_collect().await?;
    Ok(Json(Reconciliation { looked_at, left_alone, disputed, next }))
}

/// An order with those who disagree; none if it is to be left alone.
fn dispute(app: &App, it: Surveyed, request: &ReconciliationRequest) -> Option<(Surveyed, Vec<Disagreement>)> {
    if it.decided == Decided::Open {
        return None;
    }
    let invoice = it.order.as_ref().and_then(|order| order.facts.invoice_number.as_deref());
    let open = reconciliation::disagreements(it.decided, invoice, &it.found);
    let on_their_way = !open.is_empty() && open.iter().all(|it| reconciliation::may_be_on_its_way(&it.steps));
    let changed_at = it.order.as_ref().map(|order| order.updated_at).max(it.found.changed_at());
    let settled = app.clock.now() - Duration::seconds(request.settled_for_seconds.0.into());
    let alone = on_their_way && changed_at.is_some_and(|at| at > settled);
    (!alone).then_some((it, open))
}

async fn settle(
    app: &App,
    it: Surveyed,
    open: Vec<Disagreement>,
    request: &ReconciliationRequest,
    by: &str,
) -> Result<Disputed> {
    let steps = reconciliation::plan(&open);
    let wanted = request.repair && (it.order.is_some() || request.orphans == Orphans::Undo);
    let taken = if wanted && !steps.is_empty() { repair(app, &it, &open, steps, by).await? } else { Vec::new() };
    let disagreements = open.into_iter().map(|Disagreement { with, found, steps }| Dissent { with, found, steps });
    let decided = it.order.as_ref().map(|order| order.state);
    Ok(Disputed { order_id: it.id, decided, disagreements: disagreements.collect(), taken })
}
