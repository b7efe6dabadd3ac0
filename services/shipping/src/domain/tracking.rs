//! Tracking: the number on the parcel, and what happened to it.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::State;

/// Crockford's base 32: no I, L, O or U to misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number on the parcel: `RS`, twelve characters without I, L, O, U, and one that checks the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^RS[0-9A-HJKMNP-TV-Z]{13}$", example = "RS7ZZZZZZZZZZZR")]
pub struct TrackingNumber(String);

/// The text is not a tracking number, or it was mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tracking number is RS and 13 characters of 0-9 and A-Z without I, L, O, U, the last checking the others")]
pub struct TrackingNumberError;

impl TrackingNumber {
    /// The number made of the low 60 bits of `random`.
    pub fn from_random(random: u128) -> Self {
        let symbols = (0..12).rev().map(|place| symbol(random >> (5 * place)));
        let body: String = symbols.collect();
        let check = check(&body);
        Self(format!("RS{body}{check}"))
    }

    /// The number written as `text`, exactly.
    pub fn parse(text: &str) -> Result<Self, TrackingNumberError> {
        let rest = text.strip_prefix("RS").filter(|r| r.len() == 13 && r.bytes().all(|b| ALPHABET.contains(&b)));
        match rest.map(|rest| rest.split_at(12)) {
            Some((body, last)) if last == check(body).to_string() => Ok(Self(text.to_owned())),
            _ => Err(TrackingNumberError),
        }
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The symbol of the low five bits.
fn symbol(bits: u128) -> char {
    char::from(ALPHABET[(bits & 31) as usize])
}

/// A sum with odd weights over 32 symbols: every single wrong character changes it.
fn check(body: &str) -> char {
    let value = |byte: u8| ALPHABET.iter().zip(0_u128..).find(|(symbol, _)| **symbol == byte).map_or(0, |(_, v)| v);
    symbol(body.bytes().zip(0_u128..).map(|(byte, place)| (2 * place + 1) * value(byte)).sum())
}

impl TryFrom<String> for TrackingNumber {
    type Error = TrackingNumberError;

    fn try_from(text: String) -> Result<Self, TrackingNumberError> {
        Self::parse(&text)
    }
}

impl From<TrackingNumber> for String {
    fn from(number: TrackingNumber) -> Self {
        number.0
    }
}

impl fmt::Display for TrackingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A thing that happened to a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrackingEvent {
    pub state: State,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_contract_is_a_tracking_number() {
        assert!(TrackingNumber::parse("RS7ZZZZZZZZZZZR").is_ok());
    }

    proptest! {
        #[test]
        fn a_tracking_number_is_read_back_and_one_wrong_character_is_noticed(
            random in any::<u128>(), place in 2..15_usize, wrong in 0..32_usize,
        ) {
            let number = TrackingNumber::from_random(random);
            prop_assert_eq!(TrackingNumber::parse(number.as_str()), Ok(number.clone()));
            let mut mistyped = number.as_str().to_owned().into_bytes();
            if mistyped[place] != ALPHABET[wrong] {
                mistyped[place] = ALPHABET[wrong];
                let text = String::from_utf8(mistyped).unwrap();
                prop_assert_eq!(TrackingNumber::parse(&text), Err(TrackingNumberError));
            }
        }
    }
}
