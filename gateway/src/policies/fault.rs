//! What is wrong with a policies file, and where.

/// The line, counted from 1, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    line: usize,
    what: String,
}

impl Fault {
    /// At this byte of the text.
    pub fn at(text: &str, byte: usize, what: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        Self { line: before.matches('\n').count() + 1, what: what.into() }
    }

    /// What the TOML reader says.
    pub fn in_toml(text: &str, error: &toml::de::Error) -> Self {
        Self::at(text, error.span().map_or(0, |span| span.start), error.message())
    }
}
