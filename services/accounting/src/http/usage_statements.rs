//! `/v1/usage-statements`: what clients used, and what it costs.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Json, Page, Paging, Query, contract};

use super::permissions::UsageViewer;
use crate::{
    App,
    db::{self, WantedUsage},
    domain::{Month, UsageStatement},
    error::Error,
};

/// Whose usage, and when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageFilter {
    /// The month, by UTC.
    #[param(value_type = String, pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2026-11")]
    month: Month,
    /// Of this client only.
    #[param(max_length = 200, example = "reporting")]
    client_id: Option<String>,
}

/// List usage statements, by client
///
/// A client sees its own, staff all. Calls are added within seconds; those of the last seconds before a gateway crashed
/// are not counted.
#[utoipa::path(get, path = "/v1/usage-statements", tag = "usage", operation_id = "listUsageStatements",
    params(UsageFilter, Paging), security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "A page of statements.", body = Page<UsageStatement>), contract::Problems))]
pub async fn list(
    viewer: UsageViewer,
    State(app): State<App>,
    Query(filter): Query<UsageFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<UsageStatement>>, Error> {
    let UsageFilter { month, client_id } = filter;
    let wanted = WantedUsage { month, client_id, own: viewer.restricted_to, after: paging.cursor()? };
    let rows = db::list_usage(&mut *app.pool.get().await?, &wanted, paging.limit.rows()).await?;
    Ok(Json(Page::of(rows, paging.limit, |statement| statement.client_id.clone())))
}
