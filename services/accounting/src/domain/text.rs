//! What people write into the books.

use serde::{Deserialize, Serialize};

/// One line of text: 1 to `MAX` characters, none of them a control character, not only blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// The text cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {0} characters, no control characters, not only blanks")]
pub struct InvalidText(usize);

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        let length = text.chars().count();
        let fits = !text.trim().is_empty() && length <= MAX && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(InvalidText(MAX)) }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

/// A text that names none of the things it should name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {kind}: {text}")]
pub struct UnknownName {
    kind: &'static str,
    text: String,
}

impl UnknownName {
    /// `text` names no `kind`.
    pub fn of(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.to_owned() }
    }
}
