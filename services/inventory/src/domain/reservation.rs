//! What is promised to an order, and where that promise may go from here.
//!
//! ```text
//! held ──► committed ──► shipped
//!   │          │            ▲
//!   ├──────────┴► released  │      released and shipped are final;
//!   └───────────────────────┘      a dispatch may overtake the confirmation
//! ```

use std::str::FromStr;

use contracts::OrderId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Line, Lines, Refusal, lines::skus};

/// How far a reservation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReservationState)]
pub enum State {
    /// Set aside while the order is being made.
    Held,
    /// The order is confirmed; the goods wait for the carrier.
    Committed,
    /// The goods have left the building.
    Shipped,
    /// Taken back, or forbidden before it was ever asked for.
    Released,
}

/// What one order has reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reservation {
    pub order_id: OrderId,
    pub state: State,
    /// By SKU. Empty if the release came before the reservation.
    pub lines: Vec<Line>,
    /// The subject that reserved.
    #[schema(example = "client:order")]
    pub reserved_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the state changed last.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// What a release has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It was released before.
    Nothing,
    /// Put the lines back.
    PutBack,
}

/// The text names no state.
#[derive(Debug, thiserror::Error)]
#[error("no state of a reservation: {0}")]
pub struct UnknownState(String);

impl Reservation {
    /// What an order has just reserved.
    pub fn held(order_id: OrderId, lines: Lines, reserved_by: &str, at: OffsetDateTime) -> Self {
        let (state, reserved_by) = (State::Held, reserved_by.to_owned());
        Self { order_id, state, lines: lines.into(), reserved_by, created_at: at, changed_at: at }
    }

    /// The same request came again: answered as it stands, if it is the same and was not released.
    pub fn asked_again(self, lines: &Lines) -> Result<Self, Refusal> {
        if self.state == State::Released {
            return Err(Refusal::Released { order_id: self.order_id });
        }
        if self.lines != lines.as_slice() {
            return Err(Refusal::ConflictingRequest { name: format!("order {}", self.order_id) });
        }
        Ok(self)
    }

    /// The reserved products, sorted.
    pub fn skus(&self) -> Vec<&str> {
        skus(&self.lines)
    }

    /// The order is undone or cancelled.
    pub fn release(&self) -> Result<Release, Refusal> {
        match self.state {
            State::Held | State::Committed => Ok(Release::PutBack),
            State::Released => Ok(Release::Nothing),
            State::Shipped => Err(Refusal::AlreadyShipped { order_id: self.order_id }),
        }
    }

    /// The order is confirmed: whether that changes anything. A dispatch or a cancellation may have come first.
    pub fn commits(&self) -> bool {
        self.state == State::Held
    }

    /// The parcel left: whether that changes anything. Goods that were put back cannot have left.
    pub fn ships(&self) -> Result<bool, Refusal> {
        match self.state {
            State::Held | State::Committed => Ok(true),
            State::Shipped => Ok(false),
            State::Released => Err(Refusal::Released { order_id: self.order_id }),
        }
    }
}

impl State {
    /// The state as it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Committed => "committed",
            Self::Shipped => "shipped",
            Self::Released => "released",
        }
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::Held, Self::Committed, Self::Shipped, Self::Released]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Quantity, Sku};

    use super::*;

    fn line(quantity: i64) -> Line {
        Line { sku: Sku::parse("MUG-BLUE").unwrap(), quantity: Quantity::new(quantity).unwrap() }
    }

    fn reservation(state: State) -> Reservation {
        let (order_id, at) = (OrderId::generate(), OffsetDateTime::UNIX_EPOCH);
        Reservation {
            order_id,
            state,
            lines: vec![line(2)],
            reserved_by: String::new(),
            created_at: at,
            changed_at: at,
        }
    }

    #[test]
    fn the_same_request_again_is_answered_until_the_release() {
        let same = Lines::try_from(vec![line(2)]).unwrap();
        for state in [State::Held, State::Committed, State::Shipped] {
            assert!(reservation(state).asked_again(&same).is_ok(), "{state:?}");
        }
        assert!(matches!(reservation(State::Released).asked_again(&same), Err(Refusal::Released { .. })));
    }

    #[test]
    fn another_request_for_the_same_order_is_refused() {
        let other = Lines::try_from(vec![line(3)]).unwrap();
        let refusal = reservation(State::Held).asked_again(&other).unwrap_err();
        assert!(matches!(refusal, Refusal::ConflictingRequest { .. }));
    }

    #[test]
    fn what_is_shipped_cannot_be_released_and_what_is_released_cannot_ship() {
        assert!(matches!(reservation(State::Shipped).release(), Err(Refusal::AlreadyShipped { .. })));
        assert!(matches!(reservation(State::Released).ships(), Err(Refusal::Released { .. })));
    }

    #[test]
    fn a_second_release_commit_or_dispatch_changes_nothing() {
        assert_eq!(reservation(State::Released).release(), Ok(Release::Nothing));
        assert_eq!(reservation(State::Shipped).ships(), Ok(false));
        assert!([State::Committed, State::Shipped, State::Released].into_iter().all(|s| !reservation(s).commits()));
    }

    #[test]
    fn a_dispatch_may_overtake_the_confirmation() {
        assert_eq!(reservation(State::Held).ships(), Ok(true));
        assert_eq!(reservation(State::Committed).ships(), Ok(true));
    }
}
