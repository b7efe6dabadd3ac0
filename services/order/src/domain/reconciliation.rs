//! Where the participants do not say what the order's log decides, and what would make them. Pure: what was decided
//! and what was found come in, the steps of the repair come out.

mod found;
mod table;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use found::{
    Checkout, CheckoutState, Found, Participant, Payment, PaymentState, Reservation, ReservationState, Shipment,
    ShipmentState,
};

use crate::domain::{Order, State};

/// The saga named in entries about repairs.
pub const RECONCILIATION: &str = "reconciliation";

/// What is to be so, as far as a log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Nothing yet: a saga is at work, and is left alone.
    Open,
    /// Bought, and the parcel is here.
    Bought,
    /// Bought, and the parcel has left.
    Sent,
    /// Bought, and the parcel has arrived.
    Arrived,
    /// Bought, and taken back.
    Cancelled,
    /// Undone.
    Undone,
    /// There is no such order here: nothing is decided, so nothing may stand.
    Nothing,
}

/// A step of a repair. They are taken in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RepairStep)]
pub enum Step {
    /// The store is asked again for what the checkout asked for.
    CheckOutCart,
    /// Inventory is.
    ReserveStock,
    /// Accounting is, and the money is set aside.
    AuthorizePayment,
    /// The money is taken.
    CapturePayment,
    /// Shipping is asked again for what the checkout asked for.
    BookShipment,
    /// Shipping is told of a parcel that has left, with its number.
    RecoverShipment,
    /// The parcel is stopped.
    CancelShipment,
    /// The money is let go.
    VoidPayment,
    /// The money is given back.
    RefundPayment,
    /// The pieces go back on the shelf.
    ReleaseStock,
    /// The cart may be changed again.
    ReopenCart,
    /// The order takes in what it has not heard: the parcel's way, the invoice.
    TakeInNews,
    /// The order is announced as confirmed once more, for whoever has forgotten to react.
    AnnounceConfirmed,
    /// Shipping announces once more where the parcel is.
    AnnounceShipment,
    /// The cancellation, which the participants remember and the order does not, begins again.
    CancelOrder,
}

/// A participant that does not say what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Who.
    pub with: Participant,
    /// What it says.
    pub found: String,
    /// What would make it agree. None: a person has to find out.
    pub steps: Vec<Step>,
}

impl Decided {
    /// What the log of this order decides.
    pub const fn of(state: State) -> Self {
        match state {
            State::Pending | State::Cancelling => Self::Open,
            State::Confirmed => Self::Bought,
            State::Dispatched => Self::Sent,
            State::Delivered => Self::Arrived,
            State::Cancelled => Self::Cancelled,
            State::Compensated => Self::Undone,
        }
    }

    const fn stands(self) -> bool {
        matches!(self, Self::Bought | Self::Sent | Self::Arrived)
    }
}

/// Every participant that says something else than what was decided. `invoice` is the number that the order knows.
pub fn disagreements(decided: Decided, invoice: Option<&str>, found: &Found) -> Vec<Disagreement> {
    if decided == Decided::Open {
        return Vec::new();
    }
    let all = [
        (Participant::Store, table::checkout(decided, found)),
        (Participant::Inventory, table::reservation(decided, found)),
        (Participant::Accounting, table::payment(decided, invoice, found)),
        (Participant::Shipping, table::shipment(decided, found)),
    ];
    let differing = all.into_iter().filter_map(|(with, steps)| Some((with, steps?)));
    let disagreement = |(with, steps): (Participant, &[Step])| Disagreement {
        with,
        found: found.says(with),
        // What has left the building is not undone from here.
        steps: if !decided.stands() && found.goods_have_left() { Vec::new() } else { steps.to_vec() },
    };
    differing.map(disagreement).collect()
}

/// All steps of a repair, in their order.
pub fn plan(disagreements: &[Disagreement]) -> Vec<Step> {
    let mut steps: BTreeSet<Step> = disagreements.iter().flat_map(|it| it.steps.iter().copied()).collect();
    if steps.contains(&Step::CancelOrder) {
        // The cancellation takes back everything but what has to be there before it can.
        steps.retain(|step| {
            matches!(
                step,
                Step::CheckOutCart
                    | Step::AuthorizePayment
                    | Step::CapturePayment
                    | Step::BookShipment
                    | Step::CancelOrder
            )
        });
    }
    steps.into_iter().collect()
}

/// Whether others may only not have reacted yet.
pub fn may_be_on_its_way(steps: &[Step]) -> bool {
    !steps.is_empty()
        && steps.iter().all(|step| matches!(step, Step::TakeInNews | Step::AnnounceConfirmed | Step::AnnounceShipment))
}

impl Order {
    /// Takes in what the participants know of the parcel and the invoice. False if it knew.
    pub fn take_in(&mut self, found: &Found, now: time::OffsetDateTime) -> bool {
        let mut news = false;
        if let Some(Shipment { state, tracking_number, changed_at, .. }) = &found.shipment {
            news |= match state {
                ShipmentState::Dispatched => self.dispatched(tracking_number, *changed_at, now),
                ShipmentState::Delivered => self.delivered(tracking_number, *changed_at, now),
                _ => false,
            };
        }
        let invoice = found.payment.as_ref().and_then(|payment| payment.invoice_number.as_deref());
        invoice.is_some_and(|number| self.invoiced(number, now)) || news
    }
}

#[cfg(test)]
mod tests;
