//! What an operator does by hand about a saga that is stuck.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Direction;

/// What an operator has found out about the step that is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was to be done is done.
    Done,
    /// What was to be undone is undone, or never was.
    Undone,
}

impl Outcome {
    /// The outcome that a step in this direction can have.
    pub const fn of(direction: Direction) -> Self {
        match direction {
            Direction::Do => Self::Done,
            Direction::Undo => Self::Undone,
        }
    }
}

/// Why somebody settled a step by hand, in words: 1 to 500 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    min_length = 1,
    max_length = 500,
    pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    example = "Captured at the provider, see ticket 4711"
)]
pub struct Why(String);

impl TryFrom<String> for Why {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.chars().count();
        if text.trim().is_empty() || length > 500 || text.contains(char::is_control) {
            return Err("must be 1 to 500 characters that can be read");
        }
        Ok(Self(text))
    }
}

/// Who settled a step, how and why; logged with the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// The operator.
    pub by: String,
    /// What was found out.
    pub outcome: Outcome,
    /// How it was found out.
    pub reason: Why,
}

/// Why a saga cannot be handled by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSettle {
    /// Nobody needs to look at it.
    #[error("the saga is not stuck: it goes on by itself, or has ended")]
    NotStuck,
    /// What is said about the step is not what it waits for.
    #[error("the step `{step}` is to be {}", if *.fits == Outcome::Done { "done" } else { "undone" })]
    DoesNotFit {
        /// The step.
        step: String,
        /// What can be said about it.
        fits: Outcome,
    },
    /// What the step's answer would teach is needed later, and a person cannot say it.
    #[error("the step `{step}` needs the participant's own answer")]
    NeedsAnswer {
        /// The step.
        step: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_words() {
        for good in ["see ticket 4711", "x", &"x".repeat(500)] {
            assert!(Why::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "  ", "a\0b", "a\nb", &"x".repeat(501)] {
            assert!(Why::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
