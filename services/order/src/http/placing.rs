//! `POST /v1/orders`: accepts an order, begins its checkout, and answers at once or with the outcome.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contracts::{Address, CartId, CustomerId, OrderId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Allowed, Json, Problem};

use super::{
    answers,
    idempotency::{IdempotencyKey, KEPT},
    permissions::Place,
    prefer::Wait,
    waiting,
};
use crate::{
    App,
    checkout::CHECKOUT,
    db::{
        idempotency_keys::{self, Keyed, Known},
        orders, sagas,
    },
    domain::{self, Facts, Order, Shipping},
    error::{Error, Result},
    saga::Progress,
};

/// After the longest wait an answer is written down in this time, or the instance is gone.
const WRITING: Duration = Duration::from_secs(5);

/// What is to be bought, and how.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// The cart; it is checked out by the order.
    cart_id: CartId,
    /// Where it goes.
    ship_to: Address,
    /// As quoted by shipping.
    shipping: Shipping,
    payment: Payment,
}

/// How it is paid.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Token of the means of payment. The simulated provider knows `tok_ok`, `tok_declined`,
    /// `tok_insufficient_funds`, `tok_capture_declined`, `tok_slow`, `tok_silent` and `tok_on_account`.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "tok_ok")]
    method: String,
}

/// Place an order
///
/// Checks out the cart, reserves the stock, authorizes the payment, books the shipment and captures the payment. If
/// one of them is refused, everything is undone and the order ends `compensated`.
///
/// The same request with the same `Idempotency-Key` is answered the same for 24 hours, and makes one order.
/// With `Prefer: wait=5` (at most 30) the answer waits for the outcome: 201 when there is one, 202 when not.
#[utoipa::path(
    post,
    path = "/v1/orders",
    tag = "orders",
    operation_id = "place_order",
    params(
        ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, example = "8e03978e-40d5-43dd-bc93-6894a57f9324",
         description = "Any text that is different for every order: visible ASCII, quoted or bare. Kept for 24 hours."),
        ("Prefer" = Option<String>, Header, example = "wait=5",
         description = "`wait=…`: how many seconds to wait for the outcome (RFC 7240)."),
    ),
    request_body = OrderRequest,
    responses(
        (status = 201, description = "The order has ended `confirmed` or `compensated`.", body = answers::Order,
         headers(("Location" = String, description = "Its address, relative to this one."),
                 ("Preference-Applied" = String, description = "`wait=…`"))),
        (status = 202, description = "The order is accepted; its checkout is going on.", body = answers::Order,
         headers(("Location" = String, description = "Its address, relative to this one."))),
        (status = 409, description = "`request_under_way`: the first request with this key is not answered yet.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
        web::contract::BodyProblems,
        (status = 422, description = "The body is not as the contract says, or `idempotency_key_reused`: the key was used for another one.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["order:write"])),
)]
pub async fn place(
    State(app): State<App>,
    allowed: Allowed<Place>,
    key: IdempotencyKey,
    Wait(wait): Wait,
    Json(request): Json<OrderRequest>,
) -> Result<Response> {
    let customer_id = allowed.caller.require_user()?.into();
    request.check()?;
    let keyed = key.of(&allowed.caller, &request)?;
    let order = request.into_order(customer_id, app.clock.now());
    // A caller who hangs up while waiting will ask again: the answer must be there then.
    let work = tokio::spawn(async move { accept_and_answer(app, keyed, order, wait).await });
    let answer = work.await.map_err(|cause| Problem::internal(&cause))??;
    Ok(answer.into_response(wait))
}

/// How a request was answered: the same, however often it is asked.
struct Answer {
    id: OrderId,
    status: StatusCode,
    body: String,
}

async fn accept_and_answer(app: App, keyed: Keyed, order: Order, wait: Option<Duration>) -> Result<Answer> {
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
    tx.commit().await?;
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
    let mut db = app.pool.get().await?;
    if idempotency_keys::answer_key(&mut db, keyed, answer.id, answer.code(), &answer.body).await? {
        return Ok(answer);
    }
    match idempotency_keys::find_key(&mut db, keyed).await? {
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

    fn into_response(self, wait: Option<Duration>) -> Response {
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

impl OrderRequest {
    fn check(&self) -> Result<(), Problem> {
        let wrong = |field, message| {
            let title = "The body is not as the contract says";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", title).field(field, message))
        };
        let method = &self.payment.method;
        if !(1..=64).contains(&method.len()) || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        {
            return wrong("payment.method", "must be 1 to 64 of A-Z, a-z, 0-9, _ and -");
        }
        if self.shipping.price.amount < 0 {
            return wrong("shipping.price.amount", "must not be negative");
        }
        Ok(())
    }

    fn into_order(self, customer_id: CustomerId, now: OffsetDateTime) -> Order {
        Order {
            id: OrderId::generate(),
            customer_id,
            state: domain::State::Pending,
            cart_id: self.cart_id,
            ship_to: self.ship_to,
            shipping: self.shipping,
            payment_method: self.payment.method,
            basket: None,
            facts: Facts::default(),
            created_at: now,
            updated_at: now,
        }
    }
}
