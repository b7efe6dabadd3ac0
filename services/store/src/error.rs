//! What can go wrong, and what the caller is told.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::MoneyError;
use web::Problem;

use crate::domain::{Refusal, checkout::TakeError};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request is not as the contract says, or not from whom it must be.
    #[error("{}", .0.code())]
    Bad(Problem),
    /// The database did not do what was asked.
    #[error(transparent)]
    Database(database::Error),
    /// A sum cannot be formed. Cannot happen while prices and quantities are bounded.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        match error.constraint() {
            Some("product_category_known") => Refusal::UnknownCategory.into(),
            Some("category_parent_fkey") => Refusal::UnknownParent.into(),
            Some("category_is_not_its_own_parent") => Refusal::CategoryCycle.into(),
            _ => Self::Database(error),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Bad(problem)
    }
}

impl From<TakeError> for Error {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Refused(refusal) => refusal.into(),
            TakeError::Sum(error) => error.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refused(&refusal),
            Error::Bad(problem) => problem,
            Error::Database(cause) if cause.unavailable() => Self::unavailable(&cause),
            Error::Database(cause) => Self::internal(&cause),
            Error::Sum(cause) => Self::internal(&cause),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let (status, code, title) = match refusal {
        Refusal::ProductNotFound { .. } => (StatusCode::NOT_FOUND, "product_not_found", "There is no such product"),
        Refusal::ProductWithdrawn { .. } => {
            (StatusCode::CONFLICT, "product_withdrawn", "The product is no longer sold")
        }
        Refusal::UnknownCategory | Refusal::UnknownParent => {
            (StatusCode::UNPROCESSABLE_ENTITY, "unknown_category", "There is no such category")
        }
        Refusal::CategoryNotFound { .. } => (StatusCode::NOT_FOUND, "category_not_found", "There is no such category"),
        Refusal::CategoryExists { .. } => (StatusCode::CONFLICT, "category_exists", "There is such a category already"),
        Refusal::CategoryCycle => (StatusCode::CONFLICT, "category_cycle", "A category cannot be part of itself"),
        Refusal::CategoryInUse => (StatusCode::CONFLICT, "category_in_use", "The category is not empty"),
        Refusal::NotAPicture { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "not_a_picture", "The body is not such a picture")
        }
        Refusal::CurrencyFixed { .. } => (StatusCode::CONFLICT, "currency_fixed", "A product keeps its currency"),
        Refusal::VersionMismatch => (StatusCode::PRECONDITION_FAILED, "version_mismatch", "The product has changed"),
        Refusal::CartNotFound => (StatusCode::NOT_FOUND, "cart_not_found", "There is no such cart"),
        Refusal::CartCheckedOut => (StatusCode::CONFLICT, "cart_checked_out", "The cart is checked out"),
        Refusal::CartEmpty => (StatusCode::CONFLICT, "cart_empty", "The cart is empty"),
        Refusal::CartFull { .. } => (StatusCode::CONFLICT, "cart_full", "The cart is full"),
        Refusal::CurrencyMismatch { .. } => {
            (StatusCode::CONFLICT, "currency_mismatch", "The product is priced in another currency")
        }
        Refusal::CheckoutNotFound => (StatusCode::NOT_FOUND, "checkout_not_found", "There is no such checkout"),
        Refusal::CheckoutReopened => (StatusCode::CONFLICT, "checkout_reopened", "The checkout has been undone"),
        Refusal::ConflictingRequest => {
            (StatusCode::CONFLICT, "conflicting_request", "The order has checked out with another request")
        }
    };
    with_facts(Problem::new(status, code, title).detail(refusal.to_string()), refusal)
}

fn with_facts(problem: Problem, refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::ProductNotFound { sku } | Refusal::ProductWithdrawn { sku } => problem.with("sku", sku),
        Refusal::UnknownCategory => problem.field("category", "is not the slug of a category"),
        Refusal::UnknownParent => problem.field("parent", "is not the slug of a category"),
        Refusal::CategoryNotFound { slug } | Refusal::CategoryExists { slug } => problem.with("slug", slug),
        Refusal::NotAPicture { media_type } => problem.with("media_type", media_type),
        Refusal::CurrencyFixed { currency } => problem.with("currency", currency),
        Refusal::CartFull { limit } => problem.with("limit", limit),
        Refusal::CurrencyMismatch { cart, product } => {
            problem.with("cart_currency", cart).with("product_currency", product)
        }
        _ => problem,
    }
}
