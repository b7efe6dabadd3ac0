//! `/v1/accounts` and `/v1/trial-balance`: the chart, and what stands on it.

use axum::extract::State;
use web::{Allowed, Json, Page, Paging, Path, Query, contract};

use super::permissions::Audit;
use crate::{
    App, db,
    domain::{Account, AccountPosting, TrialBalance},
    error::{Error, Thing},
};

/// List the chart of accounts, by code
#[utoipa::path(get, path = "/v1/accounts", tag = "ledger", operation_id = "listAccounts",
    params(Paging), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of accounts.", body = Page<Account>), contract::Problems))]
pub async fn list(
    _: Allowed<Audit>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Account>>, Error> {
    let after: Option<String> = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::list_accounts(&mut db, after.as_deref(), paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |account| account.code.clone())))
}

/// List the postings of an account, newest first
#[utoipa::path(get, path = "/v1/accounts/{code}/postings", tag = "ledger", operation_id = "listPostings",
    params(("code" = String, Path, description = "The account.", example = "1200-EUR"), Paging),
    security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of postings.", body = Page<AccountPosting>),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn list_postings(
    _: Allowed<Audit>,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AccountPosting>>, Error> {
    let before = paging.cursor()?;
    let mut db = app.pool.get().await?;
    if !db::account_exists(&mut db, &code).await? {
        return Err(Error::NotFound(Thing::Account));
    }
    let rows = db::list_postings(&mut db, &code, before, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |posting| posting.entry_id.to_string())))
}

/// Show what every account holds
///
/// Debits are positive and credits negative, so each currency's total is zero.
#[utoipa::path(get, path = "/v1/trial-balance", tag = "ledger", operation_id = "getTrialBalance",
    security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "All accounts, as of one moment.", body = TrialBalance), contract::Problems))]
pub async fn trial_balance(_: Allowed<Audit>, State(app): State<App>) -> Result<Json<TrialBalance>, Error> {
    Ok(Json(db::trial_balance(&mut *app.pool.get().await?).await?))
}
