//! Ways of saying no: a participant's, and the order's own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::State;

/// A participant's no: the problem (RFC 9457) it answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// Stable name of the refusal.
    #[schema(example = "out_of_stock")]
    pub code: String,
    /// The same for every occurrence.
    #[schema(example = "Out of stock")]
    pub title: String,
    /// This occurrence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The participant's facts, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub facts: Map<String, Value>,
}

impl Refusal {
    /// A refusal without facts.
    pub fn new(code: &str, title: &str) -> Self {
        Self { code: code.to_owned(), title: title.to_owned(), detail: None, facts: Map::new() }
    }

    /// Says more about this occurrence.
    #[must_use]
    pub fn detail(self, detail: &str) -> Self {
        Self { detail: Some(detail.to_owned()), ..self }
    }

    /// What silence comes to in the end.
    pub fn no_answer() -> Self {
        Self::new("no_answer", "No answer in time")
    }
}

/// Why a saga was undone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The step that was refused or stayed silent.
    #[schema(example = "reserve stock")]
    pub step: String,
    /// How it was refused.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl Reason {
    /// `step` was refused.
    pub fn new(step: &str, refusal: Refusal) -> Self {
        Self { step: step.to_owned(), refusal }
    }
}

/// The order cannot be cancelled, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {state} cannot be cancelled")]
pub struct CannotCancel {
    /// Where the order stands.
    pub state: State,
    /// Why an earlier cancellation was refused.
    pub refused: Option<Reason>,
}
