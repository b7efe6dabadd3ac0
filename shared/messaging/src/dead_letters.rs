//! Dead letters: what never took effect, for an operator to list, inspect, redrive or discard. A redrive runs the
//! reaction again. What was done, by whom and with which outcome is kept, and cannot be changed.

mod actions;
mod letters;
mod operator;
mod redrive;
mod routes;
mod words;

use database::Pool;

use crate::subscription::Subscriptions;

pub use actions::{Action, DeadLetterAction, Outcome};
pub use letters::{DeadLetter, DeadLetterState, DeadLetterSummary};
pub(crate) use letters::{NewLetter, insert};
pub use redrive::{RedriveMany, Redriven, RedrivenMany};
pub use routes::router;

/// What the routes need: the reactions, to run them again, and the tables.
#[derive(Clone)]
pub struct DeadLetters {
    subscriptions: Subscriptions,
    pool: Pool,
}

impl DeadLetters {
    /// The dead letters of a service.
    pub fn of(subscriptions: Subscriptions, pool: Pool) -> Self {
        Self { subscriptions, pool }
    }
}
