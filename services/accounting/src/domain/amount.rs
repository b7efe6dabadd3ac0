//! An amount that can be paid.

use contracts::{Money, schema::money_between};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};

/// The largest amount of one payment, credit limit or posting, in minor units. Sums of a billion such amounts still
/// fit 64 bits.
const LARGEST: i64 = 1_000_000_000;

/// Money that is more than nothing and at most 1,000,000,000 minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Amount(Money);

/// The amount cannot be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`amount` must be from 1 to {LARGEST} minor units")]
pub struct InvalidAmount;

/// How much may be open: nothing, or an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Money")]
pub struct CreditLimit(Money);

/// The limit cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`amount` must be from 0 to {LARGEST} minor units")]
pub struct InvalidLimit;

impl CreditLimit {
    /// How it stands in the contract.
    pub fn schema() -> RefOr<Schema> {
        money_between(0, LARGEST)
    }

    /// The limit as money.
    pub fn money(self) -> Money {
        self.0
    }
}

impl TryFrom<Money> for CreditLimit {
    type Error = InvalidLimit;

    fn try_from(money: Money) -> Result<Self, InvalidLimit> {
        if (0..=LARGEST).contains(&money.amount) { Ok(Self(money)) } else { Err(InvalidLimit) }
    }
}

impl Amount {
    /// How it stands in the contract.
    pub fn schema() -> RefOr<Schema> {
        money_between(1, LARGEST)
    }

    /// The amount as money.
    pub fn money(self) -> Money {
        self.0
    }
}

impl TryFrom<Money> for Amount {
    type Error = InvalidAmount;

    fn try_from(money: Money) -> Result<Self, InvalidAmount> {
        if (1..=LARGEST).contains(&money.amount) { Ok(Self(money)) } else { Err(InvalidAmount) }
    }
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}
