//! What callers write in receipts and adjustments, as types that cannot hold anything else.

use serde::{Deserialize, Serialize};

/// The largest number of pieces in one receipt or adjustment.
const LARGEST: i64 = 1_000_000;

/// Pieces that arrived: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Pieces(i64);

/// Pieces found or missing: -1,000,000 to 1,000,000, but not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Difference(i64);

/// What names a receipt: the number on the delivery note. 1 to 64 characters.
pub type Reference = Text<64>;

/// Why stock was adjusted, for the auditor. 1 to 200 characters.
pub type Reason = Text<200>;

/// One line of text: 1 to `MAX` characters, none of them a control character, not only blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// What was written is outside the bounds of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("must be a whole number from 1 to {LARGEST}")]
    Pieces,
    #[error("must be a whole number from -{LARGEST} to {LARGEST}, and not 0")]
    Difference,
    #[error("must be 1 to {0} characters, no control characters, not only blanks")]
    Text(usize),
}

impl Pieces {
    /// The number of pieces.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl Difference {
    /// The signed number of pieces.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MAX: usize> Text<MAX> {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<i64> for Pieces {
    type Error = Invalid;

    fn try_from(pieces: i64) -> Result<Self, Invalid> {
        if (1..=LARGEST).contains(&pieces) { Ok(Self(pieces)) } else { Err(Invalid::Pieces) }
    }
}

impl TryFrom<i64> for Difference {
    type Error = Invalid;

    fn try_from(pieces: i64) -> Result<Self, Invalid> {
        if pieces != 0 && (-LARGEST..=LARGEST).contains(&pieces) { Ok(Self(pieces)) } else { Err(Invalid::Difference) }
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let fits = (1..=MAX).contains(&text.chars().count());
        let printable = !text.contains(char::is_control) && !text.trim().is_empty();
        if fits && printable { Ok(Self(text)) } else { Err(Invalid::Text(MAX)) }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_of_one_to_a_million_pieces() {
        assert!([1, LARGEST].into_iter().all(|n| Pieces::try_from(n).is_ok()));
        assert!([0, -1, LARGEST + 1, i64::MIN, i64::MAX].into_iter().all(|n| Pieces::try_from(n).is_err()));
    }

    #[test]
    fn an_adjustment_goes_up_or_down_but_never_by_nothing() {
        assert!([1, -1, LARGEST, -LARGEST].into_iter().all(|n| Difference::try_from(n).is_ok()));
        assert!([0, LARGEST + 1, -LARGEST - 1, i64::MIN].into_iter().all(|n| Difference::try_from(n).is_err()));
    }

    #[test]
    fn a_text_is_one_printable_line() {
        assert!(Reference::try_from("DN-4711 é".to_owned()).is_ok());
        for bad in ["", " ", "a\nb", "a\0b", &"x".repeat(65)] {
            assert_eq!(Reference::try_from(bad.to_owned()), Err(Invalid::Text(64)), "{bad:?}");
        }
    }
}
