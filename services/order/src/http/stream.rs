//! `/v1/orders/{order_id}/events`: the timeline as server-sent events, first what was, then what happens.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use contracts::OrderId;
use futures::stream;
use serde_json::json;
use tokio::time::sleep;
use web::{Allowed, Path, Problem};

use super::{orders::owner, permissions::Read, waiting::LOOK};
use crate::{
    App,
    db::{orders, saga_log},
    domain::{self, Logged},
    error::{Error, Result},
    saga::watchers::Watching,
};

/// Idle streams are kept open by a comment this often, against proxies that close silent connections.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const AT_A_TIME: i64 = 100;

/// Follow an order
///
/// Server-sent events: `timeline` with an entry of the timeline, whose number is the event's id, and `state` with the
/// order's state when it changes. Ends when nothing more will happen to the order. `Last-Event-ID` goes on after that
/// entry; if nothing is left to tell, the answer is 204, which makes a browser stop asking.
#[utoipa::path(
    get,
    path = "/v1/orders/{order_id}/events",
    tag = "orders",
    operation_id = "follow_order",
    params(
        ("order_id" = OrderId, Path, description = "The order."),
        ("Last-Event-ID" = Option<String>, Header, description = "Number of the last entry seen; anything else is as none."),
    ),
    responses(
        (status = 200, description = "The stream.", body = String, content_type = "text/event-stream"),
        (status = 204, description = "Everything has been told."),
        (status = 404, description = "`order_not_found`: there is none, or it is another customer's.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
    ),
    security(("oauth2" = ["order:read"])),
)]
pub async fn follow(
    State(app): State<App>,
    allowed: Allowed<Read>,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Response> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let watching = app.runner.watchers().watch(id);
    let order = orders::find_order(&mut *app.pool.get().await?, id, owner(&allowed.caller)).await?;
    order.ok_or(Error::NoOrder)?;
    let after = last.unwrap_or(0);
    let mut following = Following { app, id, watching, after, state: None, ready: VecDeque::new(), over: false };
    following.look().await?;
    if last.is_some() && following.has_told_all() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// One who follows an order.
struct Following {
    app: App,
    id: OrderId,
    watching: Watching,
    after: i32,
    state: Option<domain::State>,
    ready: VecDeque<Event>,
    over: bool,
}

impl Following {
    /// The next event; none when nothing more will come, or this instance stops and another is to be asked.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over || self.app.stop.is_cancelled() {
                return None;
            }
            tokio::select! {
                _ = self.watching.news() => {}
                () = sleep(LOOK) => {}
                () = self.app.stop.cancelled() => {}
            }
            if let Err(error) = self.look().await {
                // The caller asks again, with the number of the last entry.
                tracing::warn!(%error, "cannot follow an order");
                return None;
            }
        }
    }

    /// Makes ready what is new. The state is read first: what led to a final state is in the log by then.
    async fn look(&mut self) -> Result<()> {
        let mut db = self.app.pool.get().await?;
        let order = orders::find_order(&mut db, self.id, None).await?.ok_or(Error::NoOrder)?;
        loop {
            let entries = saga_log::list_entries(&mut db, self.id, self.after, AT_A_TIME).await?;
            let Some(last) = entries.last() else { break };
            self.after = last.seq;
            for entry in &entries {
                self.ready.push_back(timeline(entry)?);
            }
        }
        if self.state.replace(order.state) != Some(order.state) {
            self.ready.push_back(Event::default().event("state").data(json!({ "state": order.state }).to_string()));
        }
        self.over = order.state.is_final();
        Ok(())
    }

    /// Whether there is nothing but the state to tell, and it will not change.
    fn has_told_all(&self) -> bool {
        self.over && self.ready.len() <= 1
    }
}

fn timeline(entry: &Logged) -> Result<Event> {
    let data = serde_json::to_string(entry)?;
    Ok(Event::default().event("timeline").id(entry.seq.to_string()).data(data))
}
