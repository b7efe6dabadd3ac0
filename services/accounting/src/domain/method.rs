//! How an order can be paid: the tokens of the simulated payment provider, each with what it provokes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UnknownName;

/// A payment method. Each provokes one behaviour, so that every outcome can be tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "tok_ok")]
pub enum Method {
    /// Accepted.
    TokOk,
    /// Authorization refused: `payment_declined`.
    TokDeclined,
    /// Authorization refused: `insufficient_funds`.
    TokInsufficientFunds,
    /// Authorized, then the capture is refused: `capture_declined`.
    TokCaptureDeclined,
    /// Accepted; authorization and capture take two seconds each.
    TokSlow,
    /// The provider never answers an authorization: `provider_timeout`. A void is answered.
    TokSilent,
    /// The provider authorizes but its first answer is lost; asked again it answers.
    TokSilentOnce,
    /// No provider: on the customer's account, within the credit limit, else `over_credit_limit`.
    TokOnAccount,
}

/// What the simulated provider does with a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Accepts,
    Declines,
    LacksFunds,
    DeclinesCapture,
}

/// A payment method and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentMethod {
    pub method: Method,
    /// What happens to a payment with it.
    #[schema(example = "Accepted.")]
    pub description: &'static str,
}

/// Every method.
pub const METHODS: &[PaymentMethod] = &[
    describe(Method::TokOk, "Accepted."),
    describe(Method::TokDeclined, "The authorization is refused: payment_declined."),
    describe(Method::TokInsufficientFunds, "The authorization is refused: insufficient_funds."),
    describe(Method::TokCaptureDeclined, "Authorized, but the capture is refused: capture_declined."),
    describe(Method::TokSlow, "Accepted; the authorization and the capture take two seconds each."),
    describe(
        Method::TokSilent,
        "The provider never answers the authorization: 504 provider_timeout. It can be voided.",
    ),
    describe(
        Method::TokSilentOnce,
        "The first answer to the authorization is lost: 504, then accepted when asked again.",
    ),
    describe(
        Method::TokOnAccount,
        "On the customer's account: accepted within the credit limit, else over_credit_limit.",
    ),
];

const fn describe(method: Method, description: &'static str) -> PaymentMethod {
    PaymentMethod { method, description }
}

impl Method {
    /// The token as it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokOk => "tok_ok",
            Self::TokDeclined => "tok_declined",
            Self::TokInsufficientFunds => "tok_insufficient_funds",
            Self::TokCaptureDeclined => "tok_capture_declined",
            Self::TokSlow => "tok_slow",
            Self::TokSilent => "tok_silent",
            Self::TokSilentOnce => "tok_silent_once",
            Self::TokOnAccount => "tok_on_account",
        }
    }

    /// What the provider does with it.
    pub const fn behaviour(self) -> Behaviour {
        match self {
            Self::TokDeclined => Behaviour::Declines,
            Self::TokInsufficientFunds => Behaviour::LacksFunds,
            Self::TokCaptureDeclined => Behaviour::DeclinesCapture,
            Self::TokOk | Self::TokSlow | Self::TokSilent | Self::TokSilentOnce | Self::TokOnAccount => {
                Behaviour::Accepts
            }
        }
    }
}

impl FromStr for Method {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = METHODS.iter().find(|it| it.method.as_str() == text);
        found.map(|it| it.method).ok_or_else(|| UnknownName::of("payment method", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_described_and_reads_back_from_its_token() {
        for it in METHODS {
            assert_eq!(it.method.as_str().parse::<Method>().unwrap(), it.method);
            assert_eq!(serde_json::to_value(it.method).unwrap(), it.method.as_str());
        }
        assert!("tok_unknown".parse::<Method>().is_err());
    }
}
