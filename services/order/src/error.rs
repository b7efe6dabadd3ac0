//! What can go wrong, and what the caller is told.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use web::Problem;

use crate::domain::{CannotCancel, CannotSettle};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such order, or it is somebody else's.
    #[error("no such order")]
    NoOrder,
    /// The order cannot be cancelled.
    #[error(transparent)]
    CannotCancel(#[from] CannotCancel),
    /// The order has no such saga.
    #[error("no such saga")]
    NoSaga,
    /// The saga cannot be handled by hand.
    #[error(transparent)]
    CannotSettle(#[from] CannotSettle),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The request with this key is not answered yet.
    #[error("the request with this idempotency key is under way")]
    UnderWay,
    /// The request is malformed; the problem says how.
    #[error("{}", .0.code())]
    Malformed(Problem),
    /// A participant did not say what it knows.
    #[error("{service} does not say what it knows: {why}")]
    Unanswered {
        /// Who.
        service: &'static str,
        /// What was seen instead.
        why: String,
    },
    /// An answer could not be written down.
    #[error(transparent)]
    Unwritable(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] database::Error),
}

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoOrder => Self::not_found("order_not_found", "There is no such order"),
            Error::CannotCancel(CannotCancel { state, refused }) => {
                let problem = Self::new(StatusCode::CONFLICT, "cannot_cancel", "The order cannot be cancelled");
                let problem = problem.detail(detail).with("state", state);
                if refused.is_some() { problem.with("refused", refused) } else { problem }
            }
            Error::NoSaga => Self::not_found("saga_not_found", "The order has no such saga"),
            Error::CannotSettle(why) => {
                let (code, title) = match why {
                    CannotSettle::NotStuck => ("not_stuck", "The saga is not stuck"),
                    CannotSettle::DoesNotFit { .. } => ("outcome_does_not_fit", "The step is to have another outcome"),
                    CannotSettle::NeedsAnswer { .. } => ("answer_needed", "The step needs the participant's answer"),
                };
                Self::new(StatusCode::CONFLICT, code, title).detail(detail)
            }
            Error::KeyReused => {
                let title = "The Idempotency-Key was used for another request";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", title)
            }
            Error::UnderWay => {
                let title = "The request with this Idempotency-Key is under way";
                Self::new(StatusCode::CONFLICT, "request_under_way", title)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            Error::Unanswered { service, .. } => {
                let title = "A participant does not say what it knows";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "participant_silent", title)
                    .detail(detail)
                    .with("service", service)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            Error::Malformed(problem) => problem,
            Error::Unwritable(cause) => Self::internal(&cause),
            Error::Database(cause) if cause.unavailable() => Self::unavailable(&cause),
            Error::Database(cause) => Self::internal(&cause),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
