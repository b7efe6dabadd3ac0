//! What the simulated provider knows of a charge, and how that answers what it is asked.

use std::str::FromStr;

use super::{Behaviour, Decline, Method, Reply, State, UnknownName};

/// The provider's own view of a charge. Not the state of our payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeState {
    Authorized,
    Declined,
    InsufficientFunds,
    Captured,
    Refunded,
    Voided,
}

impl ChargeState {
    const ALL: [Self; 6] =
        [Self::Authorized, Self::Declined, Self::InsufficientFunds, Self::Captured, Self::Refunded, Self::Voided];

    /// What becomes of a new charge with this method.
    pub fn of(method: Method) -> Self {
        match method.behaviour() {
            Behaviour::Declines => Self::Declined,
            Behaviour::LacksFunds => Self::InsufficientFunds,
            Behaviour::Accepts | Behaviour::DeclinesCapture => Self::Authorized,
        }
    }

    /// The provider's answer to an intent, once the charge is as it is now.
    pub fn reply_to(self, intent: State) -> Reply {
        match (intent, self) {
            // Asked for the money and still only holding it, it does not want to hand it over.
            (_, Self::Declined) | (State::Capturing, Self::Authorized) => Reply::Declined(Decline::PaymentDeclined),
            (_, Self::InsufficientFunds) => Reply::Declined(Decline::InsufficientFunds),
            (_, Self::Voided) => Reply::Voided,
            (_, Self::Authorized | Self::Captured | Self::Refunded) => Reply::Done,
        }
    }

    /// The state as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Captured => "captured",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}

impl FromStr for ChargeState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownName::of("state of a charge", text))
    }
}
