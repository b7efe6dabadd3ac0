//! `/v1/sagas/{order_id}/{name}/…`: what an operator can do about a saga that is stuck.

use axum::{extract::State, http::StatusCode};
use contracts::OrderId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Allowed, Json, Path, Problem};

use super::{
    permissions::Operate,
    sagas::{Name, Saga},
};
use crate::{
    App,
    db::{orders, saga_log, sagas},
    domain::{CannotSettle, Order, Outcome, Settlement, What, Why},
    error::{Error, Result},
    saga::{held::Held, runner},
};

/// Ask again at once
///
/// Of a saga that is stuck. An instance that is working on it loses it.
#[utoipa::path(
    post,
    path = "/v1/sagas/{order_id}/{name}/retry",
    tag = "operations",
    operation_id = "retry_saga",
    params(("order_id" = OrderId, Path, description = "The order."), ("name" = inline(Name), Path, description = "The saga.")),
    responses(
        (status = 202, description = "The step is being asked for again.", body = Saga),
        (status = 404, description = "`saga_not_found`: the order has no such saga.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_stuck`: it goes on by itself, or has ended.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["order:operate"])),
)]
pub async fn retry(
    State(app): State<App>,
    allowed: Allowed<Operate>,
    Path((id, name)): Path<(OrderId, Name)>,
) -> Result<(StatusCode, Json<Saga>)> {
    let mut tx = app.pool.begin().await?;
    let (taken, held) = take(&mut tx, &app, id, name).await?;
    let entry = held.entry(What::Retried, Some(json!({ "by": allowed.caller.subject })));
    saga_log::insert_entry(&mut tx, id, &entry).await?;
    let saga = sagas::find_saga(&mut tx, id, name.as_str()).await?.ok_or(Error::NoSaga)?;
    tx.commit("retry by hand").await?;
    go_on(&app, &taken, held.order);
    Ok((StatusCode::ACCEPTED, Json(saga.into())))
}

/// What is settled, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementRequest {
    /// What was found out about the step: `undone` if the saga is being undone, or else `done`.
    outcome: Outcome,
    /// How it was found out. The timeline shows it.
    reason: Why,
}

/// Settle the current step by hand
///
/// Of a saga that is stuck: the step counts as answered, and the saga goes on. Nobody is asked: make sure that it is so.
/// Who settled it, when and why stands in the order's timeline. An instance that is working on the saga loses it.
#[utoipa::path(
    post,
    path = "/v1/sagas/{order_id}/{name}/settlement",
    tag = "operations",
    operation_id = "settle_saga",
    params(("order_id" = OrderId, Path, description = "The order."), ("name" = inline(Name), Path, description = "The saga.")),
    request_body = SettlementRequest,
    responses(
        (status = 202, description = "The step is settled, and the saga goes on.", body = Saga),
        (status = 404, description = "`saga_not_found`: the order has no such saga.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_stuck`: it goes on by itself, or has ended. `outcome_does_not_fit`: the step is to have the other outcome. `answer_needed`: later steps need what only the participant can answer.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems, web::contract::BodyProblems,
    ),
    security(("oauth2" = ["order:operate"])),
)]
pub async fn settle(
    State(app): State<App>,
    allowed: Allowed<Operate>,
    Path((id, name)): Path<(OrderId, Name)>,
    Json(SettlementRequest { outcome, reason }): Json<SettlementRequest>,
) -> Result<(StatusCode, Json<Saga>)> {
    let mut tx = app.pool.begin().await?;
    let (mut taken, mut held) = take(&mut tx, &app, id, name).await?;
    held.settle(&Settlement { by: allowed.caller.subject, outcome, reason })?;
    let (holder, lease) = app.runner.holder();
    let unsaved = held.unsaved();
    sagas::save_saga(&mut tx, &held.save(&unsaved, Some(holder), lease)).await?.ok_or(CannotSettle::NotStuck)?;
    let saga = sagas::find_saga(&mut tx, id, name.as_str()).await?.ok_or(Error::NoSaga)?;
    tx.commit("settle by hand").await?;
    (taken.standing, taken.stuck) = (unsaved.0, held.stuck);
    go_on(&app, &taken, held.order);
    Ok((StatusCode::ACCEPTED, Json(saga.into())))
}

/// Takes a saga that is stuck from whoever works on it.
async fn take(tx: &mut database::Tx, app: &App, id: OrderId, name: Name) -> Result<(sagas::Taken, Held)> {
    let (holder, lease) = app.runner.holder();
    let Some(taken) = sagas::take_stuck(tx, id, name.as_str(), holder, lease).await? else {
        let there_is = sagas::find_saga(tx, id, name.as_str()).await?.is_some();
        return Err(if there_is { CannotSettle::NotStuck.into() } else { Error::NoSaga });
    };
    let order = orders::find_order(tx, id, None).await?.ok_or(Error::NoOrder)?;
    let held = runner::named(name.as_str()).and_then(|saga| Held::new(saga, &taken, order)).ok_or(Error::NoSaga)?;
    Ok((taken, held))
}

fn go_on(app: &App, taken: &sagas::Taken, order: Order) {
    app.runner.watchers().tell(order.id, order.state);
    app.runner.start(taken, order);
}
