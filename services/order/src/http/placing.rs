//! `POST /v1/orders`: accepts an order, begins its checkout, and answers at once or with the outcome.

use axum::{extract::State, http::StatusCode, response::Response};
use contracts::{Address, CartId, CustomerId, OrderId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::timeout;
use utoipa::ToSchema;
use web::{Allowed, Json, Problem};

use super::{
    accepting::{WRITING, accept_and_answer},
    answers,
    idempotency::IdempotencyKey,
    permissions::Place,
    prefer::Wait,
};
use crate::{
    App,
    domain::{self, Facts, Order, Shipping},
    error::{Error, Result},
};

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
    /// `tok_insufficient_funds`, `tok_capture_declined`, `tok_slow`, `tok_silent`,
    /// `tok_silent_once` and `tok_on_account`.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "tok_ok")]
    method: String,
}

/// Place an order
///
/// Checks out the cart, reserves the stock, authorizes the payment, books the shipment and captures the payment. If
/// one of them is refused, everything is undone and the order ends `compensated`.
///
/// The same request with the same `Idempotency-Key` is answered the same for 24 hours, and makes one order.
/// With `Prefer: wait=5` (at most 25) the answer waits for the outcome: 201 when there is one, 202 when not.
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
    let bound = wait.unwrap_or_default() + WRITING;
    let work = tokio::spawn(async move { timeout(bound, accept_and_answer(app, keyed, order, wait)).await });
    let answer = work.await.map_err(|cause| Problem::internal(&cause))?;
    let answer = answer.map_err(|_| Error::from(database::Error::Silent))??;
    Ok(answer.into_response(wait))
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
