//! The order's log: what was asked of whom, and what came of it. It is the timeline that a caller sees.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::Reason;

/// The saga named in entries about what was heard from others after the order was confirmed.
pub const FULFILMENT: &str = "fulfilment";

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// The saga it belongs to: `checkout`, `cancellation`, `fulfilment` for what was heard from others afterwards, or
    /// `reconciliation` for what was repaired after a service was put back to an earlier moment.
    #[schema(example = "checkout")]
    pub saga: String,
    /// The step.
    #[schema(example = "reserve stock")]
    pub step: String,
    /// Whether the step was to be done or to be undone.
    pub direction: Direction,
    /// Which attempt it was, from 1; 0 for what needs no request.
    #[schema(minimum = 0, example = 1)]
    pub attempt: i32,
    /// What happened.
    pub what: What,
    /// The refusal, or what was seen instead of an answer, or who did it by hand and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

/// An entry as logged: numbered from 1 without gaps, with the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Logged {
    /// Its number in the order's log.
    #[schema(minimum = 1, example = 1)]
    pub seq: i32,
    /// When it was logged.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Forwards or backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step was to be done.
    Do,
    /// The step was to be undone.
    Undo,
}

/// What happened to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is about to be asked for.
    Asked,
    /// It is done.
    Done,
    /// It is undone.
    Undone,
    /// It was refused.
    Refused,
    /// There was no answer; it will be asked for again.
    Silent,
    /// There was no answer until the deadline; it is undone, since it may have happened.
    GivenUp,
    /// It needs somebody to look at it; it will be asked for again.
    Stuck,
    /// An operator had it asked for again at once.
    Retried,
    /// An operator settled it by hand: it counts as done or undone.
    Settled,
}

/// Where a saga stands, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which way it goes.
    pub state: SagaState,
    /// The step it is at; none when it has ended.
    pub step: Option<String>,
    /// How often the step has been asked for.
    pub attempts: i32,
    /// Why it is being undone.
    pub reason: Option<Reason>,
}

/// Which way a saga goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SagaState {
    /// Step after step is done.
    Running,
    /// Step after step is undone.
    Undoing,
    /// Every step is done.
    Done,
    /// Every step is undone.
    Undone,
}
