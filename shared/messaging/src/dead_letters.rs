//! Dead letters: what never took effect, for an operator to list, inspect and redrive. A redrive runs the reaction
//! again and is recorded with who asked for it.

mod routes;
mod rows;

pub use routes::{DeadLetters, Redriven, router};
pub(crate) use rows::insert;
pub use rows::{DeadLetter, DeadLetterSummary};
