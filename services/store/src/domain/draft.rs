//! What staff write of a product, and what an edit must respect.

use contracts::{Currency, Money, schema::money_between};
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{Description, Name, Refusal, Slug};

/// What staff write of a product.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    #[schema(value_type = String, min_length = 1, max_length = 120, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$", example = "Blue mug")]
    pub name: Name,
    #[schema(value_type = String, max_length = 4000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$", example = "A stoneware mug for long mornings.")]
    pub description: Description,
    /// Slug of an existing category.
    #[schema(value_type = String, pattern = "^[a-z0-9-]{1,40}$", example = "tableware")]
    pub category: Slug,
    /// What one piece costs; more than zero, and always in the currency it was created with.
    #[schema(schema_with = Price::schema)]
    pub price: Price,
    /// What one piece weighs, packed.
    #[schema(value_type = i32, minimum = 1, maximum = 1_000_000, example = 420)]
    pub weight_grams: Weight,
}

const LARGEST: i64 = 100_000_000_000;

/// An amount of 1 to 100 000 000 000 minor units: large enough for anything, small enough that no cart overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Price(Money);

/// The amount is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price is 1 to 100000000000 minor units")]
pub struct PriceError;

impl TryFrom<Money> for Price {
    type Error = PriceError;

    fn try_from(money: Money) -> Result<Self, PriceError> {
        if (1..=LARGEST).contains(&money.amount) { Ok(Self(money)) } else { Err(PriceError) }
    }
}

impl From<Price> for Money {
    fn from(price: Price) -> Self {
        price.0
    }
}

impl Price {
    /// How it stands in the contract.
    pub fn schema() -> RefOr<Schema> {
        money_between(1, LARGEST)
    }

    /// The price as money.
    pub fn money(self) -> Money {
        self.0
    }
}

/// 1 gram to a ton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Weight(i32);

/// The number is not a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a weight is 1 to 1000000 grams")]
pub struct WeightError;

impl TryFrom<i64> for Weight {
    type Error = WeightError;

    fn try_from(grams: i64) -> Result<Self, WeightError> {
        i32::try_from(grams).ok().filter(|g| (1..=1_000_000).contains(g)).map(Self).ok_or(WeightError)
    }
}

impl From<Weight> for i64 {
    fn from(weight: Weight) -> Self {
        weight.0.into()
    }
}

impl Weight {
    /// The weight in grams.
    pub fn grams(self) -> i32 {
        self.0
    }
}

/// What the caller believes to be there (RFC 9110, section 13.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing was said.
    Anything,
    /// `If-None-Match: *`: no such product yet.
    Nothing,
    /// `If-Match: *`: the product, whatever its version.
    Something,
    /// `If-Match` with entity tags: one of these versions. Tags that this service never gave are not among them.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Creating is in order if no such product exists.
    pub fn allows_creation(&self) -> bool {
        matches!(self, Self::Anything | Self::Nothing)
    }

    fn allows_version(&self, version: i64) -> bool {
        match self {
            Self::Anything | Self::Something => true,
            Self::OneOf(versions) => versions.contains(&version),
            Self::Nothing => false,
        }
    }
}

/// The part of a stored product that an edit must respect; held locked while it is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub currency: Currency,
    pub withdrawn: bool,
    pub version: i64,
}

impl Stored {
    /// The product is still what the caller has seen.
    pub fn expect(&self, expected: &Expected) -> Result<(), Refusal> {
        if expected.allows_version(self.version) { Ok(()) } else { Err(Refusal::VersionMismatch) }
    }

    /// The price can be put on this product.
    pub fn take_price(&self, price: Money) -> Result<(), Refusal> {
        if price.currency == self.currency { Ok(()) } else { Err(Refusal::CurrencyFixed { currency: self.currency }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_more_than_nothing_and_less_than_absurd() {
        let price = |amount| Price::try_from(Money::new(amount, Currency::Eur));
        assert!(price(1).is_ok() && price(100_000_000_000).is_ok());
        assert!(price(0).is_err() && price(-1).is_err() && price(100_000_000_001).is_err());
    }

    #[test]
    fn an_edit_is_refused_when_the_caller_has_seen_another_version() {
        let stored = Stored { currency: Currency::Eur, withdrawn: false, version: 3 };
        for fine in [Expected::Anything, Expected::Something, Expected::OneOf(vec![1, 3])] {
            assert_eq!(stored.expect(&fine), Ok(()), "{fine:?}");
        }
        for stale in [Expected::OneOf(vec![2]), Expected::OneOf(vec![]), Expected::Nothing] {
            assert_eq!(stored.expect(&stale), Err(Refusal::VersionMismatch), "{stale:?}");
        }
    }

    #[test]
    fn a_product_keeps_its_currency() {
        let stored = Stored { currency: Currency::Eur, withdrawn: false, version: 3 };
        assert_eq!(stored.take_price(Money::new(5, Currency::Eur)), Ok(()));
        assert_eq!(
            stored.take_price(Money::new(5, Currency::Usd)),
            Err(Refusal::CurrencyFixed { currency: Currency::Eur })
        );
    }
}
