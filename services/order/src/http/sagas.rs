//! `/v1/sagas`: how the sagas go, for operators.

use std::str::FromStr;

use axum::extract::State;
use contracts::OrderId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Page, Paging, Query};

use super::permissions::Operate;
use crate::{
    App,
    cancellation::CANCELLATION,
    checkout::CHECKOUT,
    db::sagas::{self, Listed},
    domain::{Entry, Reason, SagaState},
    error::Result,
};

/// A saga as an operator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Saga {
    order_id: OrderId,
    /// `checkout` or `cancellation`.
    name: String,
    state: SagaState,
    /// The step it is at; none when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// How often the step has been asked for.
    attempts: i32,
    /// Since when.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    asked_at: Option<OffsetDateTime>,
    /// Why it is being undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What was seen instead of the last answer, if there was none. The timeline does not tell of every attempt of a
    /// step that is stuck.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_silence: Option<Entry>,
    /// Since when somebody should look at it. It is asked again all the same.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    stuck_since: Option<OffsetDateTime>,
    /// When it will be asked again, or when its lease runs out.
    #[serde(with = "time::serde::rfc3339")]
    due_at: OffsetDateTime,
    /// The instance that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_holder: Option<String>,
    /// How often an instance has taken it.
    epoch: i64,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    ended_at: Option<OffsetDateTime>,
}

/// A saga's name.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaName)]
pub enum Name {
    Checkout,
    Cancellation,
}

impl Name {
    /// As the tables of steps have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => CHECKOUT.name,
            Self::Cancellation => CANCELLATION.name,
        }
    }
}

/// Which sagas.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SagaFilter {
    /// In this state only; `stuck`: those that somebody should look at.
    #[param(inline)]
    state: Option<Wanted>,
}

/// A state to filter by.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    Running,
    Undoing,
    Done,
    Undone,
    Stuck,
}

/// List sagas, those of the newest orders first
#[utoipa::path(
    get,
    path = "/v1/sagas",
    tag = "operations",
    operation_id = "list_sagas",
    params(SagaFilter, Paging),
    responses((status = 200, description = "A page of sagas.", body = Page<Saga>), web::contract::Problems),
    security(("oauth2" = ["order:operate"])),
)]
pub async fn list(
    State(app): State<App>,
    _: Allowed<Operate>,
    Query(filter): Query<SagaFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Saga>>> {
    let (state, stuck) = filter.state.map_or((None, false), Wanted::state);
    let after: Option<Cursor> = paging.cursor()?;
    let after = after.as_ref().map(|Cursor(id, name)| (*id, name.as_str()));
    let mut db = app.pool.get().await?;
    let rows = sagas::list_sagas(&mut db, state, stuck, after, paging.limit.rows()).await?;
    let page = Page::of(rows, paging.limit, |row| format!("{}.{}", row.order_id, row.name));
    Ok(Json(Page { items: page.items.into_iter().map(Saga::from).collect(), next: page.next }))
}

/// The saga a page ends with.
struct Cursor(OrderId, String);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, name) = text.split_once('.').ok_or(())?;
        Ok(Self(id.parse().map_err(|_| ())?, name.to_owned()))
    }
}

impl Wanted {
    fn state(self) -> (Option<SagaState>, bool) {
        match self {
            Self::Running => (Some(SagaState::Running), false),
            Self::Undoing => (Some(SagaState::Undoing), false),
            Self::Done => (Some(SagaState::Done), false),
            Self::Undone => (Some(SagaState::Undone), false),
            Self::Stuck => (None, true),
        }
    }
}

impl From<Listed> for Saga {
    fn from(row: Listed) -> Self {
        let silence = row.last_silence.map(|silence| silence.0);
        // An older version that has moved the saga on since left it as it was.
        let last_silence = silence.filter(|it| row.step.as_ref() == Some(&it.step) && it.attempt <= row.attempts);
        Self {
            order_id: row.order_id.into(),
            name: row.name,
            state: row.state.0,
            step: row.step,
            attempts: row.attempts,
            asked_at: row.asked_at,
            reason: row.reason.map(|reason| reason.0),
            last_silence,
            stuck_since: row.stuck_since,
            due_at: row.due_at,
            lease_holder: row.lease_holder,
            epoch: row.epoch,
            started_at: row.started_at,
            ended_at: row.ended_at,
        }
    }
}
