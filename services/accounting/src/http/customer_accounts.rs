//! `/v1/customer-accounts`: who may buy on account, how far, and how it stands.

use axum::extract::State;
use contracts::CustomerId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Allowed, Json, Path, Problem, contract};

use super::permissions::{Read, Write};
use crate::{
    App, db,
    domain::{CreditLimit, CustomerAccount},
    error::{Error, Thing},
};

/// How much credit a customer has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerAccountRequest {
    /// From 0 to 1,000,000,000 minor units. 0 ends the credit; what is open stays open.
    #[schema(schema_with = CreditLimit::schema)]
    credit_limit: CreditLimit,
}

/// Set the credit limit of a customer
///
/// A limit below what is open stops further orders and changes nothing of those that are.
#[utoipa::path(put, path = "/v1/customer-accounts/{customer_id}", tag = "customer accounts",
    operation_id = "setCreditLimit", security(("oauth2" = ["accounting:write"])),
    params(("customer_id" = CustomerId, Path, description = "The customer.")), request_body = CustomerAccountRequest,
    responses((status = 200, description = "The account.", body = CustomerAccount),
        contract::Problems, contract::BodyProblems,
        (status = 409, description = "`currency_in_use`: something is open in another currency, or may be refunded in it.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn set_limit(
    _: Allowed<Write>,
    State(app): State<App>,
    Path(customer_id): Path<CustomerId>,
    Json(request): Json<CustomerAccountRequest>,
) -> Result<Json<CustomerAccount>, Error> {
    let limit = request.credit_limit.money();
    let mut tx = app.pool.begin().await?;
    db::insert_customer_account(&mut tx, customer_id, limit).await?;
    let before = db::lock_customer_account(&mut tx, customer_id).await?;
    let before = before.ok_or(Error::NotFound(Thing::CustomerAccount))?;
    let refundable = db::refundable_on_account(&mut tx, customer_id, before.credit_limit.currency).await?;
    let after = before.with_limit(limit, refundable)?;
    db::update_credit_limit(&mut tx, customer_id, limit).await?;
    tx.commit("set credit limit").await?;
    Ok(Json(after))
}

/// Show how the account of a customer stands
///
/// Customers see their own, staff all.
#[utoipa::path(get, path = "/v1/customer-accounts/{customer_id}", tag = "customer accounts",
    operation_id = "getCustomerAccount", security(("oauth2" = ["accounting:read"])),
    params(("customer_id" = CustomerId, Path, description = "The customer.")),
    responses((status = 200, description = "The account.", body = CustomerAccount),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(
    allowed: Allowed<Read>,
    State(app): State<App>,
    Path(customer_id): Path<CustomerId>,
) -> Result<Json<CustomerAccount>, Error> {
    let owner = allowed.caller.restricted_to().map(CustomerId::from);
    let found = db::find_customer_account(&mut *app.pool.get().await?, customer_id).await?;
    let visible = found.filter(|account| owner.is_none_or(|owner| owner == account.customer_id));
    visible.map(Json).ok_or(Error::NotFound(Thing::CustomerAccount))
}
