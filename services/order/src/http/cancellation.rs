//! `/v1/orders/{order_id}/cancellation`: possible until the parcel has left.

use axum::{extract::State, http::StatusCode};
use contracts::{CustomerId, OrderId};
use web::{Allowed, Json, Path, Problem};

use super::{answers::Order, orders::owner, permissions::Write};
use crate::{
    App,
    cancellation::CANCELLATION,
    db::{orders, sagas},
    domain,
    error::{Error, Result},
    saga::Progress,
};

/// Cancel an order
///
/// Stops the shipment, refunds the payment and releases the stock. If the parcel has left, the order stays as it was,
/// with `cancellation_refused`. Once is as good as twice.
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/cancellation",
    tag = "orders",
    operation_id = "cancel_order",
    params(("order_id" = OrderId, Path, description = "The order.")),
    responses(
        (status = 202, description = "The order is being cancelled, or is cancelled.", body = Order),
        (status = 404, description = "`order_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`cannot_cancel`: the order is not confirmed, its parcel has left, or a cancellation was refused before.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["order:write"])),
)]
pub async fn cancel(
    State(app): State<App>,
    allowed: Allowed<Write>,
    Path(id): Path<OrderId>,
) -> Result<(StatusCode, Json<Order>)> {
    let order = begin(&app, id, owner(&allowed.caller)).await?;
    Ok((StatusCode::ACCEPTED, Json(order.into())))
}

/// Begins the cancellation of an order that `owner` may see, unless it is on its way.
pub async fn begin(app: &App, id: OrderId, owner: Option<CustomerId>) -> Result<domain::Order> {
    let mut tx = app.pool.begin().await?;
    let mut order = orders::lock_order(&mut tx, id, owner).await?.ok_or(Error::NoOrder)?;
    if order.cancel(app.clock.now())? {
        orders::update_order(&mut tx, &order).await?;
        let start = CANCELLATION.standing(&Progress::START);
        let (holder, lease) = app.runner.holder();
        let taken = sagas::insert_saga(&mut tx, id, CANCELLATION.name, &start, holder, lease).await?;
        tx.commit("begin cancellation").await?;
        app.runner.start(&taken, order.clone());
    }
    Ok(order)
}
