//! Text that people write: bounded, and free of characters that no label needs (PostgreSQL refuses NUL outright).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text of `MIN` to `MAX` characters, without control characters other than line breaks and tabs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// What a product is called.
pub type Name = Text<1, 120>;
/// What a product is like.
pub type Description = Text<0, 4000>;
/// What somebody looks for.
pub type SearchText = Text<1, 200>;

/// The text is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too short or too long.
    #[error("must have {min} to {max} characters")]
    Length { min: usize, max: usize },
    /// A control character, NUL among them.
    #[error("must not contain control characters")]
    Control,
    /// Not a slug.
    #[error("must be 1 to 40 of a-z, 0-9 and '-'")]
    Slug,
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text, trimmed at both ends.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if !(MIN..=MAX).contains(&text.chars().count()) {
            return Err(TextError::Length { min: MIN, max: MAX });
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(TextError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<String> for Text<MIN, MAX> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Self::parse(&text)
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

/// How a category is named in an address: 1 to 40 of `a`–`z`, `0`–`9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::Slug)
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded_in_characters_not_bytes() {
        assert_eq!(Name::parse("  Krug ").unwrap().as_str(), "Krug");
        assert!(Name::parse(&"ü".repeat(120)).is_ok());
        assert_eq!(Name::parse("   "), Err(TextError::Length { min: 1, max: 120 }));
        assert_eq!(Name::parse(&"a".repeat(121)), Err(TextError::Length { min: 1, max: 120 }));
    }

    #[test]
    fn control_characters_are_refused_and_line_breaks_are_not() {
        assert_eq!(Description::parse("a\0b"), Err(TextError::Control));
        assert_eq!(Description::parse("a\u{1b}[31m"), Err(TextError::Control));
        assert!(Description::parse("first\nsecond").is_ok());
    }

    #[test]
    fn a_slug_is_lower_case_digits_and_dashes() {
        assert!("table-ware-2".parse::<Slug>().is_ok());
        for bad in ["", "Kitchen", "a b", "a/b", &"a".repeat(41)] {
            assert_eq!(bad.parse::<Slug>(), Err(TextError::Slug), "{bad:?}");
        }
    }
}
