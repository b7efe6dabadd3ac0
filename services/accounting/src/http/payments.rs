//! `/v1/payments`: the payment of each order. Made by the order service.

use axum::{extract::State, http::StatusCode};
use contracts::{CustomerId, OrderId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Page, Paging, Path, Problem, Query, contract};

use super::{
    permissions::{Pay, Read, Viewer},
    settle::{drive, find},
};
use crate::{
    App,
    db::{self, WantedPayments},
    domain::{self, Amount, Method, Payment, State as Stage, Terms},
    error::{Error, Thing},
};

/// What an order wants to be paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// Who pays.
    customer_id: CustomerId,
    /// From 1 to 1,000,000,000 minor units.
    #[schema(schema_with = Amount::schema)]
    amount: Amount,
    method: Method,
}

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PaymentFilter {
    /// In this state only.
    #[param(inline)]
    state: Option<Stage>,
}

/// List payments, newest order first
///
/// Customers see their own, staff all.
#[utoipa::path(get, path = "/v1/payments", tag = "payments", operation_id = "listPayments",
    params(PaymentFilter, Paging), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of payments.", body = Page<Payment>), contract::Problems))]
pub async fn list(
    allowed: Allowed<Read>,
    State(app): State<App>,
    Query(filter): Query<PaymentFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Payment>>, Error> {
    let customer_id = allowed.caller.restricted_to().map(CustomerId::from);
    let wanted = WantedPayments { customer_id, state: filter.state, before: paging.cursor()? };
    let rows = db::list_payments(&mut *app.pool.get().await?, &wanted, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |payment| payment.order_id.to_string())))
}

/// Authorize the payment of an order
///
/// The same request again answers the same payment. An order whose payment was voided, even before it was asked for, is
/// refused. After `provider_timeout` the outcome is unknown: ask the same again, or void.
#[utoipa::path(put, path = "/v1/payments/{order_id}", tag = "payments", operation_id = "authorizePayment",
    params(("order_id" = OrderId, Path, description = "The order.")), security(("oauth2" = ["accounting:pay"])),
    request_body(content = PaymentRequest, examples(
        ("tok_ok" = (summary = "Accepted", value = json!({"customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_ok"}))),
        ("tok_declined" = (summary = "Refused: payment_declined", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_declined"}))),
        ("tok_insufficient_funds" = (summary = "Refused: insufficient_funds", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_insufficient_funds"}))),
        ("tok_capture_declined" = (summary = "Accepted, but the capture is refused", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_capture_declined"}))),
        ("tok_slow" = (summary = "Accepted after two seconds", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_slow"}))),
        ("tok_silent" = (summary = "No answer: 504 provider_timeout", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_silent"}))),
        ("tok_silent_once" = (summary = "No answer at first, accepted when asked again", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_silent_once"}))),
        ("tok_on_account" = (summary = "On the customer's account", value = json!({
            "customer_id": "01900000-0000-7000-8000-000000000001",
            "amount": {"amount": 2390, "currency": "EUR"}, "method": "tok_on_account"}))))),
    responses((status = 200, description = "The payment, authorized or further.", body = Payment),
        contract::Problems, contract::BodyProblems,
        (status = 409, description = "`payment_voided` or `conflicting_request`.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`payment_declined`, `insufficient_funds`, `over_credit_limit`, or the body is not \
            as the contract says.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`provider_timeout`: ask again.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn authorize(
    _: Allowed<Pay>,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
    Json(request): Json<PaymentRequest>,
) -> Result<Json<Payment>, Error> {
    let terms = Terms::from(request);
    let begun = Payment::begun(order_id, terms, app.clock.now());
    let is_new = db::insert_payment(&mut *app.pool.single("begin payment").await?, &begun).await?;
    let payment = if is_new { begun } else { find(&app, order_id).await? };
    drive(&app, payment, |payment| domain::authorize(payment, &terms)).await.map(Json)
}

/// Show the payment of an order
///
/// Customers see their own, staff and the order service all.
#[utoipa::path(get, path = "/v1/payments/{order_id}", tag = "payments", operation_id = "getPayment",
    params(("order_id" = OrderId, Path, description = "The order.")),
    security(("oauth2" = ["accounting:read"]), ("oauth2" = ["accounting:pay"])),
    responses((status = 200, description = "The payment.", body = Payment),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Payment>, Error> {
    let payment = find(&app, order_id).await?;
    if viewer.sees(&payment) { Ok(Json(payment)) } else { Err(Error::NotFound(Thing::Payment)) }
}

/// Void the payment of an order
///
/// Also before it is authorized: the authorization that comes late is then refused. Once is as good as twice.
#[utoipa::path(delete, path = "/v1/payments/{order_id}", tag = "payments", operation_id = "voidPayment",
    params(("order_id" = OrderId, Path, description = "The order.")), security(("oauth2" = ["accounting:pay"])),
    responses((status = 204, description = "No money is set aside for the order."),
        (status = 409, description = "`already_captured`: the money has been taken and can be refunded.",
            body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`provider_timeout`: ask again.",
            body = Problem, content_type = "application/problem+json"), contract::Problems))]
pub async fn void(_: Allowed<Pay>, State(app): State<App>, Path(order_id): Path<OrderId>) -> Result<StatusCode, Error> {
    let tombstone = Payment::never(order_id, app.clock.now());
    if !db::insert_payment(&mut *app.pool.single("void payment unseen").await?, &tombstone).await? {
        let payment = find(&app, order_id).await?;
        drive(&app, payment, domain::void).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Capture the payment of an order: take the money
///
/// Once, however often it is asked.
#[utoipa::path(post, path = "/v1/payments/{order_id}/capture", tag = "payments", operation_id = "capturePayment",
    params(("order_id" = OrderId, Path, description = "The order.")), security(("oauth2" = ["accounting:pay"])),
    responses((status = 200, description = "The payment, captured or further.", body = Payment),
        (status = 404, response = contract::NotFound),
        (status = 409, description = "`payment_voided` or `authorization_expired`.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`capture_declined`, or why the authorization was refused.",
            body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`provider_timeout`: ask again.",
            body = Problem, content_type = "application/problem+json"), contract::Problems))]
pub async fn capture(
    _: Allowed<Pay>,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Payment>, Error> {
    let payment = find(&app, order_id).await?;
    drive(&app, payment, |payment| domain::capture(payment, app.clock.now())).await.map(Json)
}

/// Refund the payment of an order: give all the money back
///
/// Once, however often it is asked. An invoice that was issued is credited.
#[utoipa::path(post, path = "/v1/payments/{order_id}/refund", tag = "payments", operation_id = "refundPayment",
    params(("order_id" = OrderId, Path, description = "The order.")), security(("oauth2" = ["accounting:pay"])),
    responses((status = 200, description = "The payment, refunded.", body = Payment),
        (status = 404, response = contract::NotFound),
        (status = 409, description = "`not_captured`: there is nothing to refund.",
            body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`provider_timeout`: ask again.",
            body = Problem, content_type = "application/problem+json"), contract::Problems))]
pub async fn refund(
    _: Allowed<Pay>,
    State(app): State<App>,
    Path(order_id): Path<OrderId>,
) -> Result<Json<Payment>, Error> {
    let payment = find(&app, order_id).await?;
    drive(&app, payment, domain::refund).await.map(Json)
}

impl From<PaymentRequest> for Terms {
    fn from(request: PaymentRequest) -> Self {
        let PaymentRequest { customer_id, amount, method } = request;
        Self { customer_id, amount, method }
    }
}
