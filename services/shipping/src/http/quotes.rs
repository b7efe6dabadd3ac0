//! `/v1/quotes`: what it would cost.

use axum::extract::State;
use contracts::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Allowed, Json, Problem};

use super::permissions::Read;
use crate::{
    App, db,
    domain::{self, Grams, ShippingOption},
    error::Error,
};

/// A parcel that somebody wants shipped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    to: Address,
    weight_grams: Grams,
}

/// The ways to ship it, cheapest service first.
#[derive(Serialize, ToSchema)]
pub struct Quote {
    options: Vec<ShippingOption>,
}

/// Ask what shipping costs
///
/// The price is the one to book with, until the rates change.
#[utoipa::path(
    post,
    path = "/v1/quotes",
    tag = "quotes",
    operation_id = "quote",
    request_body = QuoteRequest,
    responses(
        (status = 200, description = "The ways to ship the parcel.", body = Quote),
        web::contract::Problems,
        web::contract::BodyProblems,
        (status = 422, description = "`unserviceable_address`, `overweight`, or the body is not as the contract says.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn quote(
    State(app): State<App>,
    _: Allowed<Read>,
    Json(wanted): Json<QuoteRequest>,
) -> Result<Json<Quote>, Error> {
    let rates = db::list_rates_to(&mut *app.pool.get().await?, &wanted.to.country).await?;
    let options = domain::quote(&rates, &wanted.to.country, wanted.weight_grams)?;
    Ok(Json(Quote { options }))
}
