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
use tokio::time::{Instant, sleep, sleep_until};
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
/// How soon a reader whose stream has ended is to ask again.
const RECONNECT: Duration = Duration::from_secs(1);

/// How event streams are served.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// For how long: whoever reads on shows a token again, and it is seen whether that is still good.
    pub last: Duration,
}

/// Follow an order
///
/// Server-sent events: `timeline` with an entry of the timeline, whose number is the event's id, and `state` with the
/// order's state at first and when it changes. Ends when nothing more will happen to the order, and in any case after a
/// minute, so that nobody reads on for longer with a token that is not good any more: ask again, as a browser does by
/// itself after the time that `retry` says. `Last-Event-ID` goes on after that entry; if nothing is left to tell, the
/// answer is 204, which makes a browser stop asking.
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
    let (after, until) = (last.unwrap_or(0), Instant::now() + app.streams.last);
    let ready = VecDeque::from([Event::default().retry(RECONNECT)]);
    let mut following = Following { app, id, watching, until, after, state: None, ready, behind: false, over: false };
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
    until: Instant,
    after: i32,
    state: Option<domain::State>,
    ready: VecDeque<Event>,
    /// There may be more entries than were read last.
    behind: bool,
    over: bool,
}

impl Following {
    /// The next event; none when nothing more will come, the time is up, or this instance stops and another is to be
    /// asked.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over || self.app.stop.is_cancelled() || Instant::now() >= self.until {
                return None;
            }
            if !self.behind {
                self.wait().await;
            }
            if let Err(error) = self.look().await {
                // The caller asks again, with the number of the last entry.
                tracing::warn!(%error, "cannot follow an order");
                return None;
            }
        }
    }

    /// Returns when it is time to look.
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.watching.news() => {}
            () = sleep(LOOK) => {}
            () = sleep_until(self.until) => {}
            () = self.app.stop.cancelled() => {}
        }
    }

    /// Makes ready the next entries and, when there are no more, the state. That is read first: what led to a final state
    /// is in the log by then.
    async fn look(&mut self) -> Result<()> {
        let mut db = self.app.pool.get().await?;
        let order = orders::find_order(&mut db, self.id, None).await?.ok_or(Error::NoOrder)?;
        let entries = saga_log::list_entries(&mut db, self.id, self.after, AT_A_TIME).await?;
        drop(db);
        for entry in &entries {
            self.after = entry.seq;
            self.ready.push_back(timeline(entry)?);
        }
        self.behind = i64::try_from(entries.len()).is_ok_and(|read| read == AT_A_TIME);
        if self.behind {
            return Ok(());
        }
        if self.state.replace(order.state) != Some(order.state) {
            self.ready.push_back(Event::default().event("state").data(json!({ "state": order.state }).to_string()));
        }
        self.over = order.state.is_final();
        Ok(())
    }

    /// Whether there is nothing but the state to tell, after when to ask again, and it will not change.
    fn has_told_all(&self) -> bool {
        self.over && self.ready.len() <= 2
    }
}

fn timeline(entry: &Logged) -> Result<Event> {
    let data = serde_json::to_string(entry)?;
    Ok(Event::default().event("timeline").id(entry.seq.to_string()).data(data))
}
