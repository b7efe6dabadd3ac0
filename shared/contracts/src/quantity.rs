//! How many pieces of a product.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number of pieces: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[sqlx(transparent)]
#[schema(value_type = i32, minimum = 1, maximum = 1000, example = 2)]
pub struct Quantity(i32);

/// The number is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 1000")]
pub struct QuantityError;

impl Quantity {
    /// The quantity of `pieces`.
    pub fn new(pieces: i64) -> Result<Self, QuantityError> {
        i32::try_from(pieces).ok().filter(|n| (1..=1000).contains(n)).map(Self).ok_or(QuantityError)
    }

    /// The number of pieces.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = QuantityError;

    fn try_from(pieces: i64) -> Result<Self, QuantityError> {
        Self::new(pieces)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.get()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_one_to_a_thousand() {
        assert_eq!(Quantity::new(1).map(Quantity::get), Ok(1));
        assert_eq!(Quantity::new(1000).map(Quantity::get), Ok(1000));
        for bad in [0, -1, 1001, i64::MAX, i64::MIN] {
            assert_eq!(Quantity::new(bad), Err(QuantityError), "{bad}");
        }
    }
}
