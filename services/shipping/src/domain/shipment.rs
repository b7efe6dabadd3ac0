//! A shipment and what may happen to it: booked → prepared → dispatched → delivered, or cancelled before it leaves.

use std::str::FromStr;

use contracts::{Address, CustomerId, Money, OrderId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Days, Grams, Refusal, Service, ShippingOption, TrackingNumber, UnknownName};

/// Where a shipment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "booked")]
pub enum State {
    /// The carrier expects it; the order may still be undone.
    Booked,
    /// The order is confirmed and the parcel packed.
    Prepared,
    /// It left the warehouse and cannot be stopped any more.
    Dispatched,
    /// It arrived.
    Delivered,
    /// It will not be sent.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Booked, Self::Prepared, Self::Dispatched, Self::Delivered, Self::Cancelled];

    /// The name on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Prepared => "prepared",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for State {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// What can be done to a booked shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Prepare,
    Dispatch,
    Deliver,
    Cancel,
}

impl Step {
    /// Where the step leads.
    pub const fn to(self) -> State {
        match self {
            Self::Prepare => State::Prepared,
            Self::Dispatch => State::Dispatched,
            Self::Deliver => State::Delivered,
            Self::Cancel => State::Cancelled,
        }
    }

    /// Where the step may start. The database moves a shipment only from one of these, so of two steps that
    /// exclude each other exactly one is taken.
    pub const fn from(self) -> &'static [State] {
        match self {
            Self::Prepare => &[State::Booked],
            Self::Dispatch => &[State::Prepared],
            Self::Deliver => &[State::Dispatched],
            Self::Cancel => &[State::Booked, State::Prepared],
        }
    }

    /// What to say about a step that could not start: it was done before, or it is refused. `state` is read after the
    /// step was tried, so a state from which it could start only means that it came too early.
    pub const fn not_taken(self, state: State) -> Result<(), Refusal> {
        match (self, state) {
            (Self::Cancel, State::Cancelled) => Ok(()),
            (Self::Cancel, _) => Err(Refusal::AlreadyDispatched { state }),
            (_, State::Cancelled) => Err(Refusal::ShipmentCancelled),
            (Self::Dispatch, State::Booked | State::Prepared) => Err(Refusal::NotPrepared { state }),
            (Self::Deliver, State::Booked | State::Prepared | State::Dispatched) => {
                Err(Refusal::NotDispatched { state })
            }
            (Self::Prepare | Self::Dispatch | Self::Deliver, _) => Ok(()),
        }
    }
}

/// What is asked for when a shipment is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub customer_id: CustomerId,
    pub to: Address,
    pub weight_grams: Grams,
    pub service: Service,
    /// What the customer accepted.
    pub price: Money,
}

/// The one shipment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Shipment {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub state: State,
    pub to: Address,
    pub weight_grams: Grams,
    pub service: Service,
    pub price: Money,
    /// How long it travels once dispatched.
    pub days: Days,
    pub tracking_number: TrackingNumber,
    #[serde(with = "time::serde::rfc3339")]
    pub booked_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

impl Shipment {
    /// A new shipment, as `offer` prices it.
    pub fn booked(
        order_id: OrderId,
        booking: Booking,
        offer: ShippingOption,
        tracking_number: TrackingNumber,
        now: OffsetDateTime,
    ) -> Self {
        let Booking { customer_id, to, weight_grams, .. } = booking;
        let ShippingOption { service, price, days } = offer;
        let state = State::Booked;
        let (booked_at, changed_at) = (now, now);
        Self {
            order_id,
            customer_id,
            state,
            to,
            weight_grams,
            service,
            price,
            days,
            tracking_number,
            booked_at,
            changed_at,
        }
    }

    /// The answer when the order's shipment is booked again: the same shipment for the same request.
    pub fn booked_again(self, booking: &Booking) -> Result<Self, Refusal> {
        if self.state == State::Cancelled {
            return Err(Refusal::ShipmentCancelled);
        }
        let same = self.customer_id == booking.customer_id
            && self.to == booking.to
            && self.weight_grams == booking.weight_grams
            && self.service == booking.service
            && self.price == booking.price;
        if same { Ok(self) } else { Err(Refusal::ConflictingRequest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_did_not_start_was_done_before_or_is_refused_with_the_state() {
        let word = |step: Step, state| match step.not_taken(state) {
            Ok(()) => "done",
            Err(Refusal::ShipmentCancelled) => "cancelled",
            Err(Refusal::NotPrepared { .. }) => "not prepared",
            Err(Refusal::NotDispatched { .. }) => "not dispatched",
            Err(Refusal::AlreadyDispatched { .. }) => "already dispatched",
            Err(other) => panic!("{other}"),
        };
        let row = |step| {
            State::ALL.into_iter().filter(|s| !Step::from(step).contains(s)).map(|s| word(step, s)).collect::<Vec<_>>()
        };
        assert_eq!(row(Step::Prepare), ["done", "done", "done", "cancelled"]);
        assert_eq!(row(Step::Dispatch), ["not prepared", "done", "done", "cancelled"]);
        assert_eq!(row(Step::Deliver), ["not dispatched", "not dispatched", "done", "cancelled"]);
        assert_eq!(row(Step::Cancel), ["already dispatched", "already dispatched", "done"]);
    }

    #[test]
    fn cancelling_and_dispatching_exclude_each_other() {
        for (one, other) in [(Step::Cancel, Step::Dispatch), (Step::Dispatch, Step::Cancel)] {
            assert!(!other.from().contains(&one.to()), "{other:?} must not start where {one:?} leads");
        }
    }
}
