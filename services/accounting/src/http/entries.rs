//! `/v1/entries`: the journal.

use axum::{extract::State, http::StatusCode};
use contracts::{Money, OrderId, schema::money_between};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{RefOr, Schema},
};
use web::{Allowed, Json, Page, Paging, Path, Problem, Query, contract};

use super::permissions::{Audit, Write};
use crate::{
    App,
    db::{self, WantedEntries},
    domain::{Entry, EntryId, EntryKind, NewEntry, Posting, Refusal, Text},
    error::{Error, Thing},
};

/// An entry that staff make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRequest {
    /// Choose it (a UUID, best version 7), and the same entry sent again is booked once.
    id: Option<EntryId>,
    /// What it is about.
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "rent of the warehouse")]
    memo: Text<200>,
    /// In balance, each account once.
    #[schema(min_items = 2, max_items = 100, example = json!([
        {"account": "6000-EUR", "amount": {"amount": 120_000, "currency": "EUR"}},
        {"account": "1000-EUR", "amount": {"amount": -120_000, "currency": "EUR"}}]))]
    postings: Vec<PostingRequest>,
}

/// One side of an entry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostingRequest {
    /// Code of the account.
    #[schema(value_type = String, min_length = 1, max_length = 16, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "6000-EUR")]
    account: Text<16>,
    /// Positive is a debit, negative a credit; in the account's currency, up to 1,000,000,000 minor units.
    #[schema(schema_with = posting_schema)]
    amount: Money,
}

fn posting_schema() -> RefOr<Schema> {
    money_between(-1_000_000_000, 1_000_000_000)
}

/// Why an entry is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReversalRequest {
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "booked twice")]
    memo: Text<200>,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryFilter {
    /// Of this kind only.
    #[param(inline)]
    kind: Option<EntryKind>,
    /// Of this order only.
    order_id: Option<OrderId>,
}

/// List entries, newest first
#[utoipa::path(get, path = "/v1/entries", tag = "ledger", operation_id = "listEntries",
    params(EntryFilter, Paging), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of entries.", body = Page<Entry>), contract::Problems))]
pub async fn list(
    _: Allowed<Audit>,
    State(app): State<App>,
    Query(filter): Query<EntryFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Entry>>, Error> {
    let wanted = WantedEntries { kind: filter.kind, order_id: filter.order_id, before: paging.cursor()? };
    let rows = db::list_entries(&mut *app.pool.get().await?, &wanted, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |entry| entry.id.to_string())))
}

/// Show an entry
#[utoipa::path(get, path = "/v1/entries/{id}", tag = "ledger", operation_id = "getEntry",
    params(("id" = EntryId, Path, description = "The entry.")), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "The entry.", body = Entry),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(_: Allowed<Audit>, State(app): State<App>, Path(id): Path<EntryId>) -> Result<Json<Entry>, Error> {
    find(&mut *app.pool.get().await?, id).await.map(Json)
}

/// Make an entry
///
/// It is never changed afterwards; a mistake is corrected by reversing it.
#[utoipa::path(post, path = "/v1/entries", tag = "ledger", operation_id = "makeEntry",
    request_body = EntryRequest, security(("oauth2" = ["accounting:write"])),
    responses((status = 200, description = "It had been booked before.", body = Entry),
        (status = 201, description = "It is booked.", body = Entry),
        contract::Problems, contract::BodyProblems,
        (status = 409, description = "`conflicting_request`: the id stands for another entry.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`unbalanced`, `unknown_account`, or the body is not as the contract says.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn create(
    _: Allowed<Write>,
    State(app): State<App>,
    Json(request): Json<EntryRequest>,
) -> Result<(StatusCode, Json<Entry>), Error> {
    let id = request.id.unwrap_or_else(EntryId::generate);
    let postings = request.postings.into_iter().map(Posting::from).collect();
    let entry = NewEntry::manual(request.memo.into(), postings)?.at(id, app.clock.now());
    let mut db = app.pool.get().await?;
    if let Some((account, currency)) = db::find_unknown_account(&mut db, &entry.postings).await? {
        return Err(Refusal::UnknownAccount { account, currency }.into());
    }
    drop(db);
    if db::insert_entry(&mut *app.pool.single("book entry").await?, &entry).await? {
        return Ok((StatusCode::CREATED, Json(entry)));
    }
    let before = find(&mut *app.pool.get().await?, id).await?;
    Ok((StatusCode::OK, Json(before.made_again(&entry)?)))
}

/// Take a manual entry back
///
/// By an entry with the opposite postings. Once, however often it is asked.
#[utoipa::path(post, path = "/v1/entries/{id}/reversal", tag = "ledger", operation_id = "reverseEntry",
    params(("id" = EntryId, Path, description = "The entry to take back.")), request_body = ReversalRequest,
    security(("oauth2" = ["accounting:write"])),
    responses((status = 200, description = "The entry that takes it back.", body = Entry),
        (status = 404, response = contract::NotFound), contract::Problems, contract::BodyProblems,
        (status = 409, description = "`not_reversible`, or `conflicting_request`: reversed for another reason.",
            body = Problem, content_type = "application/problem+json")))]
pub async fn reverse(
    _: Allowed<Write>,
    State(app): State<App>,
    Path(id): Path<EntryId>,
    Json(request): Json<ReversalRequest>,
) -> Result<Json<Entry>, Error> {
    let reversal = find(&mut *app.pool.get().await?, id).await?.reversed(request.memo.into())?;
    let reversal = reversal.at(EntryId::generate(), app.clock.now());
    if db::insert_entry(&mut *app.pool.single("reverse entry").await?, &reversal).await? {
        return Ok(Json(reversal));
    }
    let mut db = app.pool.get().await?;
    let before = db::find_reversal(&mut db, id).await?.ok_or(Error::NotFound(Thing::Entry))?;
    Ok(Json(find(&mut db, before).await?.made_again(&reversal)?))
}

async fn find(db: &mut PgConnection, id: EntryId) -> Result<Entry, Error> {
    db::find_entry(db, id).await?.ok_or(Error::NotFound(Thing::Entry))
}

impl From<PostingRequest> for Posting {
    fn from(request: PostingRequest) -> Self {
        Self { account: request.account.into(), amount: request.amount }
    }
}
