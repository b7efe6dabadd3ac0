//! What everybody knows of a page of orders. Five lists, the orders' and the participants', are read side by side, each
//! once: they are all sorted by the order's id. So orders that only a participant knows are found on the way.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use contracts::OrderId;
use crash::Point;
use database::Pool;
use serde::de::DeserializeOwned;
use web::Page;

use super::Reconciler;
use crate::{
    db::orders,
    domain::{
        Order, State,
        reconciliation::{Checkout, Decided, Found, Participant, Payment, Reservation, Shipment},
    },
    error::{Error, Result},
    saga::{Call, Reply},
};

/// One order and what was found of it.
pub struct Surveyed {
    pub id: OrderId,
    /// As it is kept here; none if it is not.
    pub order: Option<Order>,
    /// What was decided.
    pub decided: Decided,
    /// What the participants say.
    pub found: Found,
}

/// A list as far as it was read.
struct Read<T> {
    items: BTreeMap<OrderId, T>,
    /// The last id, if the list goes on after it.
    until: Option<OrderId>,
}

impl<T> Read<T> {
    fn of(items: Vec<T>, goes_on: bool, id: fn(&T) -> OrderId) -> Self {
        let until = items.last().map(id).filter(|_| goes_on);
        Self { items: items.into_iter().map(|item| (id(&item), item)).collect(), until }
    }
}

/// The orders after `after`, newest first, known to anybody; and where the next page begins.
pub async fn survey(
    reconciler: &Reconciler,
    pool: &Pool,
    after: Option<OrderId>,
    limit: i64,
) -> Result<(Vec<Surveyed>, Option<OrderId>)> {
    // The orders before the participants: what a saga does meanwhile shows as an order that was still open.
    let mut rows = orders::list_orders(&mut *pool.get().await?, None, None, after, limit + 1).await?;
    let goes_on = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let before = Read::of(rows, goes_on, |order: &Order| order.id);
    let (mut checkouts, mut reservations, mut payments, mut shipments) = tokio::try_join!(
        list(reconciler, Participant::Store, "checkouts", after, limit, |it: &Checkout| it.order_id),
        list(reconciler, Participant::Inventory, "reservations", after, limit, |it: &Reservation| it.order_id),
        list(reconciler, Participant::Accounting, "payments", after, limit, |it: &Payment| it.order_id),
        list(reconciler, Participant::Shipping, "shipments", after, limit, |it: &Shipment| it.order_id),
    )?;
    // All lists are complete down to here: the page ends where the first of them does.
    let until = [before.until, checkouts.until, reservations.until, payments.until, shipments.until];
    let until = until.into_iter().flatten().max();
    let known = [keys(&before.items), keys(&checkouts.items), keys(&reservations.items), keys(&payments.items)];
    let known: BTreeSet<_> = known.into_iter().flatten().chain(keys(&shipments.items)).collect();
    let ids: Vec<_> = known.into_iter().rev().filter(|id| until.is_none_or(|until| *id >= until)).collect();
    let mut now = orders::list_these(&mut *pool.get().await?, &ids).await?;
    let surveyed = ids.into_iter().map(|id| {
        let order = now.remove(&id);
        let decided = decided(before.items.get(&id).map(|it| it.state), order.as_ref().map(|it| it.state));
        let (checkout, reservation) = (checkouts.items.remove(&id), reservations.items.remove(&id));
        let (payment, shipment) = (payments.items.remove(&id), shipments.items.remove(&id));
        Surveyed { id, order, decided, found: Found { checkout, reservation, payment, shipment } }
    });
    Ok((surveyed.collect(), until))
}

/// What was decided, seen before the participants were asked and after: what moved meanwhile is as good as open.
fn decided(before: Option<State>, after: Option<State>) -> Decided {
    match (before, after) {
        (_, None) => Decided::Nothing,
        (Some(before), Some(after)) if before == after => Decided::of(after),
        _ => Decided::Open,
    }
}

fn keys<T>(items: &BTreeMap<OrderId, T>) -> Vec<OrderId> {
    items.keys().copied().collect()
}

async fn list<T: DeserializeOwned>(
    reconciler: &Reconciler,
    with: Participant,
    what: &str,
    after: Option<OrderId>,
    limit: i64,
    id: fn(&T) -> OrderId,
) -> Result<Read<T>> {
    let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
    let path = format!("/v1/{what}?limit={limit}{after}");
    let call = Call { service: with.as_str(), method: Method::GET, path, body: None };
    let unanswered = |why: String| Error::Unanswered { service: with.as_str(), why };
    match reconciler.reads.ask(Point::new("ask what is known").of(call.service), &call).await {
        Reply::Done(page) => {
            let page: Page<T> = serde_json::from_value(page).map_err(|error| unanswered(error.to_string()))?;
            Ok(Read::of(page.items, page.next.is_some(), id))
        }
        Reply::Refused(refusal) => Err(unanswered(refusal.code)),
        Reply::Silent(why) | Reply::Overdue(why) => Err(unanswered(why)),
    }
}
