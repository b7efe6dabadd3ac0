//! Accepts an order once for each idempotency key, begins its checkout, and gives every asker the same answer.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contracts::OrderId;

use super::{answers, idempotency::KEPT, waiting};
use crate::{
    App,
    checkout::CHECKOUT,
    db::{
        idempotency_keys::{self, Keyed, Known},
        orders, sagas,
    },
    domain::{self, Order},
    error::{Error, Result},
    saga::Progress,
};

/// After the longest wait an answer is written down in this time, or the instance is gone.
pub const WRITING: Duration = Duration::from_secs(5);

/// How a request was answered: the same, however often it is asked.
pub struct Answer {
    id: OrderId,
    status: StatusCode,
    body: String,
}

/// Accepts the order if the key is new, and answers at once or, if asked to wait, with the outcome.
pub async fn accept_and_answer(app: App, keyed: Keyed, order: Order, wait: Option<Duration>) -> Result<Answer> {
    let busy_for = wait.unwrap_or_default() + WRITING;
    let watching = app.runner.watchers().watch(order.id);
    let mut tx = app.pool.begin().await?;
    if !idempotency_keys::insert_key(&mut tx, &keyed, order.id, busy_for, KEPT).await? {
        let known = idempotency_keys::find_key(&mut tx, &keyed).await?.ok_or(Error::UnderWay)?;
        drop(tx);
        return again(&app, &keyed, known).await;
    }
    orders::insert_order(&mut tx, &order).await?;
    let start = CHECKOUT.standing(&Progress::START);
    let (holder, lease) = app.runner.holder();
    let taken = sagas::insert_saga(&mut tx, order.id, CHECKOUT.name, &start, holder, lease).await?;
    let at_once = Answer::of(order.clone())?;
    if wait.is_none() {
        idempotency_keys::answer_key(&mut tx, &keyed, order.id, at_once.code(), &at_once.body).await?;
    }
    tx.commit("accept order").await?;
    app.runner.start(&taken, order);
    let Some(wait) = wait else { return Ok(at_once) };
    let answer = Answer::of(waiting::outcome(&app, at_once.id, watching, wait).await?)?;
    keep(&app, &keyed, answer).await
}

/// The key was used before.
async fn again(app: &App, keyed: &Keyed, known: Known) -> Result<Answer> {
    if known.fingerprint != keyed.fingerprint {
        return Err(Error::KeyReused);
    }
    if known.busy {
        return Err(Error::UnderWay);
    }
    let id = known.order_id.into();
    if let (Some(status), Some(body)) = (known.status, known.body) {
        return Ok(Answer { id, status: status_of(status), body });
    }
    // The instance that was to answer is gone.
    let order = orders::find_order(&mut *app.pool.get().await?, id, None).await?.ok_or(Error::NoOrder)?;
    keep(app, keyed, Answer::of(order)?).await
}

/// Writes the answer down; one that was written down before is the one to give.
async fn keep(app: &App, keyed: &Keyed, answer: Answer) -> Result<Answer> {
    let mut db = app.pool.single("keep answer").await?;
    if idempotency_keys::answer_key(&mut db, keyed, answer.id, answer.code(), &answer.body).await? {
        return Ok(answer);
    }
    drop(db);
    match idempotency_keys::find_key(&mut *app.pool.get().await?, keyed).await? {
        Some(Known { status: Some(status), body: Some(body), .. }) => {
            Ok(Answer { status: status_of(status), body, ..answer })
        }
        _ => Ok(answer),
    }
}

impl Answer {
    fn of(order: Order) -> Result<Self> {
        let ended = order.state != domain::State::Pending;
        let status = if ended { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        Ok(Self { id: order.id, status, body: serde_json::to_string(&answers::Order::from(order))? })
    }

    fn code(&self) -> i16 {
        i16::try_from(self.status.as_u16()).unwrap_or(i16::MAX)
    }

    /// The answer to a request that asked to wait so long.
    pub fn into_response(self, wait: Option<Duration>) -> Response {
        let headers =
            [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, format!("orders/{}", self.id))];
        let mut response = (self.status, headers, self.body).into_response();
        let applied = wait.and_then(|wait| HeaderValue::from_str(&format!("wait={}", wait.as_secs())).ok());
        if let Some(applied) = applied {
            response.headers_mut().insert("preference-applied", applied);
        }
        response
    }
}

fn status_of(status: i16) -> StatusCode {
    u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::ACCEPTED)
}
