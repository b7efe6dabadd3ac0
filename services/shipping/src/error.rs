//! What can go wrong, and what the caller is told.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use web::Problem;

use crate::domain::Refusal;

/// Everything that ends a request without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The order has no shipment, or none that the caller may see.
    #[error("no such shipment")]
    ShipmentNotFound,
    /// No such zone, service and bracket.
    #[error("no such rate")]
    RateNotFound,
    /// The database did not answer, or not as expected.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refused(refusal),
            Error::ShipmentNotFound => Self::not_found("shipment_not_found", "No such shipment"),
            Error::RateNotFound => Self::not_found("rate_not_found", "No such rate"),
            Error::Database(error) if error.unavailable() => Self::unavailable(&error),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    let unprocessable = |code, title| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title);
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
    let problem = match refusal {
        Refusal::UnserviceableAddress { country } => {
            unprocessable("unserviceable_address", "The carrier does not go there").with("country", country)
        }
        Refusal::Overweight { weight, limit } => unprocessable("overweight", "The parcel is too heavy")
            .with("weight_grams", weight)
            .with("limit_grams", limit),
        Refusal::PriceMismatch { quoted, current } => {
            conflict("price_mismatch", "The price has changed").with("quoted", quoted).with("current", current)
        }
        Refusal::ConflictingRequest => conflict("conflicting_request", "The order's shipment was booked differently"),
        Refusal::ShipmentCancelled => conflict("shipment_cancelled", "The shipment is cancelled"),
        Refusal::AlreadyDispatched { state } => {
            conflict("already_dispatched", "The parcel has left").with("state", state)
        }
        Refusal::NotPrepared { state } => conflict("not_prepared", "The parcel is not prepared").with("state", state),
        Refusal::NotDispatched { state } => conflict("not_dispatched", "The parcel has not left").with("state", state),
        Refusal::PriceFallsWithWeight { lighter, heavier } => {
            conflict("price_falls_with_weight", "A heavier parcel would cost less than a lighter one")
                .with("lighter_grams", lighter)
                .with("heavier_grams", heavier)
        }
        Refusal::PriceNotPositive { price } => {
            unprocessable("price_not_positive", "A rate is more than nothing").with("price", price)
        }
        Refusal::UnsupportedCurrency { currency } => {
            unprocessable("unsupported_currency", "Rates are in EUR").with("currency", currency)
        }
    };
    problem.detail(detail)
}
