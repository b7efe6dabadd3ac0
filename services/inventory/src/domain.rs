//! The rules of the shelf: plain types and plain functions. Times and ids come in as parameters.

mod amounts;
mod lines;
mod movement;
mod refusal;
mod reservation;
mod stock;

pub use amounts::{Difference, Invalid, Pieces, Reason, Reference};
pub use lines::{Line, Lines};
pub use movement::{Cause, Kind, Movement, UnknownKind};
pub use refusal::Refusal;
pub use reservation::{Release, Reservation, State, UnknownState};
pub use stock::{Change, Stock, put_back, ship, take};
