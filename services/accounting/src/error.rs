//! What can go wrong, and what the caller is told.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use web::Problem;

use crate::{
    domain::{Decline, Refusal},
    provider::Failure,
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such payment, account, entry or invoice, or it is somebody else's.
    #[error("no such {0}")]
    NotFound(Thing),
    /// The request is malformed; the problem says how.
    #[error("malformed request")]
    Malformed(Problem),
    /// The payment provider did not answer in time.
    #[error("the payment provider did not answer in time")]
    ProviderSilent,
    /// The provider's answer and our own state cannot both be true.
    #[error("the payment provider contradicts itself")]
    ProviderContradicts,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] database::Error),
}

/// What was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Payment,
    Account,
    Entry,
    Invoice,
    CustomerAccount,
}

impl Thing {
    const fn code(self) -> &'static str {
        match self {
            Self::Payment => "payment_not_found",
            Self::Account => "account_not_found",
            Self::Entry => "entry_not_found",
            Self::Invoice => "invoice_not_found",
            Self::CustomerAccount => "customer_account_not_found",
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Payment => "payment",
            Self::Account => "account",
            Self::Entry => "entry",
            Self::Invoice => "invoice",
            Self::CustomerAccount => "customer account",
        })
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Silent => Self::ProviderSilent,
            Failure::Database(error) => Self::Database(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => explain(refusal),
            Self::NotFound(thing) => Problem::not_found(thing.code(), &format!("There is no such {thing}")),
            Self::Malformed(problem) => problem,
            Self::ProviderSilent => {
                Problem::new(StatusCode::GATEWAY_TIMEOUT, "provider_timeout", "The payment provider does not answer")
                    .detail("what was asked may have happened or not: ask the same again")
            }
            Self::ProviderContradicts => Problem::internal(&self),
            Self::Database(error) if error.unavailable() => Problem::unavailable(&error),
            Self::Database(error) => Problem::internal(&error),
        }
        .into_response()
    }
}

fn explain(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
    let unprocessable = |code, title| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title);
    match refusal {
        Refusal::Declined(decline) => declined(decline),
        Refusal::Voided { order_id } => {
            conflict("payment_voided", "The payment has been voided").with("order_id", order_id)
        }
        Refusal::AlreadyCaptured { order_id } => {
            conflict("already_captured", "The money has been taken").with("order_id", order_id)
        }
        Refusal::CaptureDeclined { order_id } => {
            unprocessable("capture_declined", "The provider does not hand the money over").with("order_id", order_id)
        }
        Refusal::AuthorizationExpired { expired_at } => {
            let at = expired_at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
            conflict("authorization_expired", "The authorization has expired").with("expired_at", at)
        }
        Refusal::NotCaptured { state } => conflict("not_captured", "There is nothing to refund").with("state", state),
        Refusal::ConflictingRequest { .. } => {
            conflict("conflicting_request", "The same was asked before with another content")
        }
        Refusal::Unbalanced { currency, difference } => unprocessable("unbalanced", "Debits and credits differ")
            .with("currency", currency)
            .with("difference", difference),
        Refusal::InvalidEntry { field, why } => {
            unprocessable("invalid_body", "The body is not as the contract says").field(field, why)
        }
        Refusal::UnknownAccount { account, currency } => {
            unprocessable("unknown_account", "The chart has no such account")
                .with("account", account)
                .with("currency", currency)
        }
        Refusal::NotReversible { .. } => conflict("not_reversible", "Only manual entries are reversed by hand"),
        Refusal::CurrencyInUse { currency } => {
            conflict("currency_in_use", "The account has open items in another currency").with("currency", currency)
        }
        Refusal::MoreThanOwed { paid, owed } => {
            conflict("more_than_owed", "More was paid than is owed").with("paid", paid).with("owed", owed)
        }
    }
    .detail(detail)
}

fn declined(decline: Decline) -> Problem {
    let problem = |title| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, decline.code(), title);
    match decline {
        Decline::PaymentDeclined => problem("The bank declined the payment"),
        Decline::InsufficientFunds => problem("Insufficient funds"),
        Decline::OverCreditLimit { limit, outstanding, held, wanted } => {
            problem("The customer's credit does not reach")
                .with("limit", limit)
                .with("outstanding", outstanding)
                .with("held", held)
                .with("wanted", wanted)
        }
    }
}
