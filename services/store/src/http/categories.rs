//! `/v1/categories`.

use axum::extract::State;
use web::{Allowed, Json, Page, Paging, Query, contract::Problems};

use super::Read;
use crate::{App, db, domain::Category, error::Result};

/// List the categories
#[utoipa::path(
    get,
    path = "/v1/categories",
    tag = "categories",
    params(Paging),
    security(("oauth2" = ["store:read"])),
    responses((status = 200, description = "A page of categories, by slug.", body = Page<Category>), Problems)
)]
pub async fn list_categories(
    _: Allowed<Read>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Category>>> {
    let after: Option<String> = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::categories::list_categories(&mut db, after.as_deref(), paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |category| category.slug.clone())))
}
