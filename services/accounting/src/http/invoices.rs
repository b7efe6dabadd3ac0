//! `/v1/invoices`.

use std::str::FromStr;

use axum::extract::State;
use contracts::CustomerId;
use web::{Allowed, Json, Page, Paging, Path, Query, contract};

use super::permissions::Read;
use crate::{
    App, db,
    domain::Invoice,
    error::{Error, Thing},
};

/// List invoices, newest first
///
/// Customers see their own, staff all.
#[utoipa::path(get, path = "/v1/invoices", tag = "invoices", operation_id = "listInvoices",
    params(Paging), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of invoices.", body = Page<Invoice>), contract::Problems))]
pub async fn list(
    allowed: Allowed<Read>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Invoice>>, Error> {
    let customer_id = allowed.caller.restricted_to().map(CustomerId::from);
    let before: Option<Cursor> = paging.cursor()?;
    let before = before.as_ref().map(|Cursor(number)| number.as_str());
    let mut db = app.pool.get().await?;
    let rows = db::list_invoices(&mut db, customer_id, before, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |invoice| invoice.number.clone())))
}

/// The number of the invoice that a page ends with.
struct Cursor(String);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (year, nr) = text.strip_prefix("INV-").and_then(|rest| rest.split_once('-')).ok_or(())?;
        // They are compared as text, so they have to be of the same form.
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = year.len() == 4 && nr.len() >= 8 && is_number(year) && is_number(nr);
        if is_one { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Show an invoice
///
/// Customers see their own, staff all.
#[utoipa::path(get, path = "/v1/invoices/{number}", tag = "invoices", operation_id = "getInvoice",
    params(("number" = String, Path, description = "The invoice's number.", example = "INV-2026-00000001")),
    security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "The invoice.", body = Invoice),
        (status = 404, response = contract::NotFound), contract::Problems))]
pub async fn show(
    allowed: Allowed<Read>,
    State(app): State<App>,
    Path(number): Path<String>,
) -> Result<Json<Invoice>, Error> {
    let owner = allowed.caller.restricted_to().map(CustomerId::from);
    let found = db::find_invoice(&mut *app.pool.get().await?, &number).await?;
    let visible = found.filter(|invoice| owner.is_none_or(|owner| owner == invoice.customer_id));
    visible.map(Json).ok_or(Error::NotFound(Thing::Invoice))
}
