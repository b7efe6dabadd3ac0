//! `/v1/quotes` and `/v1/estimates`: what it would cost.

use axum::extract::State;
use contracts::Address;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Problem, Query};

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

/// A parcel of which only so much is known.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parcel {
    /// ISO 3166-1 alpha-2 code of the country it goes to.
    #[param(pattern = "^[A-Z]{2}$", example = "DE")]
    country: String,
    #[param(value_type = i32, minimum = 1, maximum = 2_147_483_647, example = 1200)]
    weight_grams: Grams,
}

/// Ask what shipping to a country costs
///
/// The same as a quote, for who has no address yet.
#[utoipa::path(
    get,
    path = "/v1/estimates",
    tag = "quotes",
    operation_id = "estimate",
    params(Parcel),
    responses(
        (status = 200, description = "The ways to ship the parcel.", body = Quote),
        web::contract::Problems,
        (status = 422, description = "`unserviceable_address` or `overweight`.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn estimate(
    State(app): State<App>,
    _: Allowed<Read>,
    Query(wanted): Query<Parcel>,
) -> Result<Json<Quote>, Error> {
    let rates = db::list_rates_to(&mut *app.pool.get().await?, &wanted.country).await?;
    let options = domain::quote(&rates, &wanted.country, wanted.weight_grams)?;
    Ok(Json(Quote { options }))
}
