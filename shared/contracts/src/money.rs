//! Money: whole minor units with an ISO 4217 currency, checked arithmetic, never a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
#[schema(example = "EUR")]
pub enum Currency {
    /// Euro, 2 decimals.
    Eur,
    /// US dollar, 2 decimals.
    Usd,
    /// Pound sterling, 2 decimals.
    Gbp,
    /// Yen, no decimals.
    Jpy,
}

impl Currency {
    /// The alphabetic code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Usd => "USD",
            Self::Gbp => "GBP",
            Self::Jpy => "JPY",
        }
    }

    /// How many decimals the minor unit is: 2 for cents, 0 for yen.
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Eur | Self::Usd | Self::Gbp => 2,
            Self::Jpy => 0,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        [Self::Eur, Self::Usd, Self::Gbp, Self::Jpy]
            .into_iter()
            .find(|c| c.code() == code)
            .ok_or(MoneyError::UnknownCurrency)
    }
}

/// An amount of money, e.g. `{"amount": 1999, "currency": "EUR"}` for 19.99 EUR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Whole minor units: cents for EUR, yen for JPY.
    #[schema(example = 1999)]
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// A sum of money that cannot be formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies in one sum.
    #[error("amounts of different currencies cannot be combined")]
    CurrencyMismatch,
    /// The result is outside the range of a 64 bit integer.
    #[error("the amount is out of range")]
    OutOfRange,
    /// Not one of the supported ISO 4217 codes.
    #[error("unknown currency")]
    UnknownCurrency,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// `self + other`.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { amount, ..self })
    }

    /// `self - other`.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let amount = self.amount.checked_sub(other.amount).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { amount, ..self })
    }

    /// `self * factor`.
    pub fn times(self, factor: i64) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(factor).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { amount, ..self })
    }

    /// The sum of `amounts`, all in `currency`.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let minor = self.amount.unsigned_abs();
        match self.currency.decimals() {
            0 => write!(f, "{sign}{minor} {}", self.currency),
            decimals => {
                let unit = 10_u64.pow(decimals);
                let width = decimals as usize;
                write!(f, "{sign}{}.{:0width$} {}", minor / unit, minor % unit, self.currency)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_prints_with_the_decimals_of_its_currency() {
        assert_eq!(Money::new(1999, Currency::Eur).to_string(), "19.99 EUR");
        assert_eq!(Money::new(-5, Currency::Usd).to_string(), "-0.05 USD");
        assert_eq!(Money::new(1999, Currency::Jpy).to_string(), "1999 JPY");
        assert_eq!(Money::new(i64::MIN, Currency::Jpy).to_string(), "-9223372036854775808 JPY");
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_wrap() {
        let euro = Money::new(1, Currency::Eur);
        assert_eq!(euro.plus(Money::new(1, Currency::Usd)), Err(MoneyError::CurrencyMismatch));
        assert_eq!(euro.plus(Money::new(i64::MAX, Currency::Eur)), Err(MoneyError::OutOfRange));
        assert_eq!(euro.times(i64::MAX).and_then(|m| m.times(2)), Err(MoneyError::OutOfRange));
    }

    #[test]
    fn money_is_an_integer_and_a_code_on_the_wire() {
        let json = r#"{"amount":1999,"currency":"EUR"}"#;
        let money: Money = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&money).unwrap(), json);
        assert!(serde_json::from_str::<Money>(r#"{"amount":19.99,"currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"XXX"}"#).is_err());
    }

    proptest! {
        #[test]
        fn taking_away_what_was_added_changes_nothing(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            let (a, b) = (Money::new(a, Currency::Gbp), Money::new(b, Currency::Gbp));
            prop_assert_eq!(a.plus(b).and_then(|sum| sum.minus(b)), Ok(a));
        }
    }
}
