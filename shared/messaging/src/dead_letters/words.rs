//! Texts that come from outside.

use serde::Deserialize;
use utoipa::ToSchema;

/// In characters. An error may quote the message that caused it, which may be a megabyte.
const LONGEST: usize = 2_000;

/// A text as it is kept: bounded, and without NUL, which PostgreSQL does not take.
pub(super) fn kept(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c == '\0' { '\u{FFFD}' } else { c }).collect()
}

/// The name of a reaction, or a type of event.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(as = ReactionName, min_length = 1, max_length = 200, pattern = "^[a-z0-9_.-]+$", example = "inventory-order-confirmed-v1")]
pub struct Name(String);

impl Name {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
        if text.is_empty() || text.len() > 200 || !text.chars().all(fits) {
            return Err("must be 1 to 200 of a-z, 0-9, _, . and -");
        }
        Ok(Self(text))
    }
}

/// Why a message shall never take effect, in words: 1 to 500 characters, no control characters.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    min_length = 1,
    max_length = 500,
    pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    example = "Made up by a load test, see ticket 4711"
)]
pub struct DiscardReason(String);

impl DiscardReason {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DiscardReason {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() || text.chars().count() > 500 || text.contains(char::is_control) {
            return Err("must be 1 to 500 characters that can be read");
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_postgresql_takes_it() {
        assert_eq!(kept("a\0b"), "a\u{FFFD}b");
        assert_eq!(kept(&"é".repeat(1_000_000)).chars().count(), LONGEST);
    }
}
