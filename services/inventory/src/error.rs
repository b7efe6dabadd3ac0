//! What can go wrong, and what the caller is told.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use web::Problem;

use crate::domain::Refusal;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The path names a product that inventory never had.
    #[error("no such stock")]
    NoStock,
    /// There is no reservation of this order, or it is somebody else's.
    #[error("no such reservation")]
    NoReservation,
    /// The request is malformed; the problem says how.
    #[error("malformed request")]
    Malformed(Problem),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => explain(refusal),
            Self::NoStock => Problem::not_found("stock_not_found", "Inventory never had this product"),
            Self::NoReservation => Problem::not_found("reservation_not_found", "There is no such reservation"),
            Self::Malformed(problem) => problem,
            Self::Database(error) if error.unavailable() => Problem::unavailable(&error),
            Self::Database(error) => Problem::internal(&error),
        }
        .into_response()
    }
}

fn explain(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
    match refusal {
        Refusal::OutOfStock { sku, wanted, left } => {
            conflict("out_of_stock", "Out of stock").with("sku", sku).with("wanted", wanted).with("left", left)
        }
        Refusal::UnknownSku { sku } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_sku", "Inventory never had this product")
                .with("sku", sku)
        }
        Refusal::Released { order_id } => {
            conflict("reservation_released", "The reservation has been released").with("order_id", order_id)
        }
        Refusal::AlreadyShipped { order_id } => {
            conflict("already_shipped", "The goods have been shipped").with("order_id", order_id)
        }
        Refusal::ConflictingRequest { .. } => {
            conflict("conflicting_request", "The same was asked before with another content")
        }
        Refusal::BelowReserved { sku, on_hand, reserved, taken } => {
            let problem = conflict("below_reserved", "What is left would not cover what is reserved");
            problem.with("sku", sku).with("on_hand", on_hand).with("reserved", reserved).with("taken", taken)
        }
    }
    .detail(detail)
}
