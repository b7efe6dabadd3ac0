//! `/v1/countries` and `/v1/rates`: where the carrier goes and what it charges.

use axum::extract::State;
use contracts::Money;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Allowed, Json, Keep, Path, Problem, Query};

use super::permissions::{Read, Write};
use crate::{
    App, db,
    domain::{self, Country, Days, Grams, Rate, Service, Zone},
    error::Error,
};

/// The tariff is everybody's, and changes seldom.
const TARIFF: Keep = Keep::Public { fresh: 60, while_asking: 300, on_error: 3600 };

/// Every country the carrier goes to.
#[derive(Serialize, ToSchema)]
pub struct Countries {
    items: Vec<Country>,
}

/// The rates, by zone, service and bracket.
#[derive(Serialize, ToSchema)]
pub struct Rates {
    items: Vec<Rate>,
}

/// Which rates.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RateFilter {
    /// Of this zone only.
    zone: Option<Zone>,
    /// Of this service only.
    service: Option<Service>,
}

/// One bracket.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Bracket {
    zone: Zone,
    service: Service,
    /// The bracket's heaviest parcel.
    #[param(value_type = i32, minimum = 1, maximum = 30_000, example = 2000)]
    up_to_grams: Grams,
}

/// What a bracket shall cost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateChange {
    /// More than zero, in EUR.
    price: Money,
    days: Days,
}

/// List the countries the carrier goes to
#[utoipa::path(
    get,
    path = "/v1/countries",
    tag = "rates",
    operation_id = "list_countries",
    params(("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    responses(
        (status = 200, description = "The countries, by code.", body = Countries,
         headers(("ETag" = String, description = "For `If-None-Match`."), ("Cache-Control" = String, description = "A minute, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn list_countries(State(app): State<App>, _: Allowed<Read>) -> Result<(Keep, Json<Countries>), Error> {
    let items = db::list_countries(&mut *app.pool.get().await?).await?;
    Ok((TARIFF, Json(Countries { items })))
}

/// List the rates
#[utoipa::path(
    get,
    path = "/v1/rates",
    tag = "rates",
    operation_id = "list_rates",
    params(RateFilter, ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    responses(
        (status = 200, description = "The rates, by zone, service and bracket.", body = Rates,
         headers(("ETag" = String, description = "For `If-None-Match`."), ("Cache-Control" = String, description = "A minute, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        web::contract::Problems,
    ),
    security(("oauth2" = ["shipping:read"])),
)]
pub async fn list_rates(
    State(app): State<App>,
    _: Allowed<Read>,
    Query(filter): Query<RateFilter>,
) -> Result<(Keep, Json<Rates>), Error> {
    let items = db::list_rates(&mut *app.pool.get().await?, filter.zone, filter.service).await?;
    Ok((TARIFF, Json(Rates { items })))
}

/// Change a rate
///
/// Shipments that are booked keep their price; a customer who accepted the old price and has not bought yet is
/// refused with `price_mismatch` and asked again.
#[utoipa::path(
    put,
    path = "/v1/rates/{zone}/{service}/{up_to_grams}",
    tag = "rates",
    operation_id = "change_rate",
    params(Bracket),
    request_body = RateChange,
    responses(
        (status = 200, description = "The rate as it is now.", body = Rate),
        (status = 404, description = "`rate_not_found`: there is no such bracket.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`price_falls_with_weight`: a heavier parcel would cost less than a lighter one.", body = Problem, content_type = "application/problem+json"),
        web::contract::Problems,
        web::contract::BodyProblems,
        (status = 422, description = "`unsupported_currency`, `price_not_positive`, or the body is not as the contract says.", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth2" = ["shipping:write"])),
)]
pub async fn change_rate(
    State(app): State<App>,
    _: Allowed<Write>,
    Path(at): Path<Bracket>,
    Json(change): Json<RateChange>,
) -> Result<Json<Rate>, Error> {
    let mut tx = app.pool.begin().await?;
    let mut tariff = db::lock_tariff(&mut tx, at.zone, at.service).await?;
    let rate = tariff.iter_mut().find(|rate| rate.up_to_grams == at.up_to_grams).ok_or(Error::RateNotFound)?;
    (rate.price, rate.days) = (change.price, change.days);
    let changed = *rate;
    domain::check_tariff(&tariff)?;
    db::update_rate(&mut tx, &changed).await?;
    tx.commit("change rate").await?;
    Ok(Json(changed))
}
