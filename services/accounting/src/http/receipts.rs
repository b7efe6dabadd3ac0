//! `/v1/customer-accounts/{customer_id}/receipts`: what customers on account paid.

use axum::extract::State;
use contracts::CustomerId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Allowed, Json, Page, Paging, Path, Problem, Query, contract};

use super::permissions::{Audit, Write};
use crate::{
    App, db,
    domain::{self, Amount, EntryId, Receipt},
    error::{Error, Thing},
};

/// Money that a customer paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// From 1 minor unit to what is owed.
    #[schema(schema_with = Amount::schema)]
    amount: Amount,
}

/// List what a customer on account paid, by id
#[utoipa::path(get, path = "/v1/customer-accounts/{customer_id}/receipts", tag = "customer accounts",
    operation_id = "listReceipts", security(("oauth2" = ["accounting:read"])),
    params(("customer_id" = CustomerId, Path, description = "The customer."), Paging),
    responses((status = 200, description = "A page of receipts.", body = Page<Receipt>), contract::Problems))]
pub async fn list(
    _: Allowed<Audit>,
    State(app): State<App>,
    Path(customer_id): Path<CustomerId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Receipt>>, Error> {
    let after = paging.cursor()?;
    let rows = db::list_receipts(&mut *app.pool.get().await?, customer_id, after, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |receipt| receipt.id.to_string())))
}

/// Record that a customer on account paid
///
/// Choose the id: the same receipt recorded again counts once.
#[utoipa::path(put, path = "/v1/customer-accounts/{customer_id}/receipts/{id}", tag = "customer accounts",
    operation_id = "recordReceipt", security(("oauth2" = ["accounting:write"])),
    params(("customer_id" = CustomerId, Path, description = "The customer."),
        ("id" = Uuid, Path, description = "The receipt, a UUID of your choice.")), request_body = ReceiptRequest,
    responses((status = 200, description = "The receipt.", body = Receipt),
        (status = 404, response = contract::NotFound), contract::Problems, contract::BodyProblems,
        (status = 409, description = "`more_than_owed` or `conflicting_request`.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn record(
    _: Allowed<Write>,
    State(app): State<App>,
    Path((customer_id, id)): Path<(CustomerId, Uuid)>,
    Json(ReceiptRequest { amount }): Json<ReceiptRequest>,
) -> Result<Json<Receipt>, Error> {
    let (received_at, entry_id) = (app.clock.now(), EntryId::generate());
    let mut tx = app.pool.begin().await?;
    let account = db::lock_customer_account(&mut tx, customer_id).await?;
    let account = account.ok_or(Error::NotFound(Thing::CustomerAccount))?;
    if let Some(before) = db::find_receipt(&mut tx, id).await? {
        return Ok(Json(before.recorded_again(customer_id, amount)?));
    }
    account.takes(amount)?;
    let receipt = Receipt { id, customer_id, amount: amount.money(), received_at, entry_id };
    let memo = format!("receipt {id} of customer {customer_id}");
    db::insert_entry(&mut tx, &domain::received(amount, memo).at(entry_id, received_at)).await?;
    if !db::insert_receipt(&mut tx, &receipt).await? {
        // The lock is the customer's: only another customer's receipt can have taken the id since.
        return Err(domain::Refusal::ConflictingRequest { name: format!("receipt {id}") }.into());
    }
    db::change_balance(&mut tx, customer_id, -amount.money().amount, 0).await?;
    tx.commit("book receipt").await?;
    Ok(Json(receipt))
}
