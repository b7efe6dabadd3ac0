//! `/v1/orders`: customers see their own, staff all.

use axum::extract::State;
use contracts::{CustomerId, OrderId};
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Allowed, Caller, Json, Keep, Page, Paging, Path, Problem, Query};

use super::{
    answers::{Order, OrderWithTimeline},
    permissions::Read,
};
use crate::{
    App,
    db::{orders, saga_log},
    domain,
    error::{Error, Result},
};

/// So long a timeline is shown whole; of a longer one the end. The event stream has all of it.
const TIMELINE: i64 = 1000;

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderFilter {
    /// In this state only.
    #[param(inline)]
    state: Option<domain::State>,
}

/// List orders, newest first
///
/// Customers see their own, staff all.
#[utoipa::path(
    get,
    path = "/v1/orders",
    tag = "orders",
    operation_id = "list_orders",
    params(OrderFilter, Paging),
    responses((status = 200, description = "A page of orders.", body = Page<Order>), web::contract::Problems),
    security(("oauth2" = ["order:read"])),
)]
pub async fn list(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Query(filter): Query<OrderFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Order>>> {
    let (owner, after) = (owner(&allowed.caller), paging.cursor()?);
    let mut db = app.pool.get().await?;
    let rows = orders::list_orders(&mut db, owner, filter.state, after, paging.limit.rows()).await?;
    let page = Page::of(rows, paging.limit, |order| order.id.to_string());
    Ok(Json(Page { items: page.items.into_iter().map(Order::from).collect(), next: page.next }))
}

/// Show an order with its timeline
#[utoipa::path(
    get,
    path = "/v1/orders/{order_id}",
    tag = "orders",
    operation_id = "show_order",
    params(("order_id" = OrderId, Path, description = "The order."), ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    responses(
        (status = 200, description = "The order.", body = OrderWithTimeline,
         headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, description = "`order_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["order:read"])),
)]
pub async fn show(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Path(id): Path<OrderId>,
) -> Result<(Keep, Json<OrderWithTimeline>)> {
    let mut db = app.pool.get().await?;
    let order = orders::find_order(&mut db, id, owner(&allowed.caller)).await?.ok_or(Error::NoOrder)?;
    let timeline = saga_log::list_last_entries(&mut db, id, TIMELINE).await?;
    Ok((Keep::Own, Json(OrderWithTimeline::new(order, timeline))))
}

/// Whose orders the caller may see; everybody's if none.
pub fn owner(caller: &Caller) -> Option<CustomerId> {
    caller.restricted_to().map(CustomerId::from)
}
