//! The stock keeping unit: how store, inventory and order name a product.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stock keeping unit: 3 to 32 of `A`–`Z`, `0`–`9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
#[schema(value_type = String, pattern = "^[A-Z0-9-]{3,32}$", min_length = 3, max_length = 32, example = "MUG-BLUE")]
pub struct Sku(String);

/// The text is not a stock keeping unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SKU is 3 to 32 characters of A-Z, 0-9 and '-'")]
pub struct SkuError;

impl Sku {
    /// The SKU written as `text`, exactly; nothing is folded or trimmed.
    pub fn parse(text: &str) -> Result<Self, SkuError> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if (3..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SkuError)
        }
    }

    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = SkuError;

    fn try_from(text: String) -> Result<Self, SkuError> {
        Self::parse(&text)
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl FromStr for Sku {
    type Err = SkuError;

    fn from_str(text: &str) -> Result<Self, SkuError> {
        Self::parse(text)
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_upper_case_digits_and_dashes() {
        assert!(Sku::parse("MUG-BLUE-01").is_ok());
        for bad in ["", "AB", "mug-blue", "MUG BLUE", "MÜG", &"A".repeat(33)] {
            assert_eq!(Sku::parse(bad), Err(SkuError), "{bad:?}");
        }
    }
}
