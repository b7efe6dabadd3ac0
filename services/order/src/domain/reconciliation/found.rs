//! What the participants say of one order: the parts of their lists that matter here.

use contracts::OrderId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Who has a part in every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Participant {
    /// The cart.
    Store,
    /// The stock.
    Inventory,
    /// The money.
    Accounting,
    /// The parcel.
    Shipping,
}

/// What all of them say; none where one knows nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub checkout: Option<Checkout>,
    pub reservation: Option<Reservation>,
    pub payment: Option<Payment>,
    pub shipment: Option<Shipment>,
}

/// The store's part.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Checkout {
    pub order_id: OrderId,
    pub state: CheckoutState,
    /// Absent if the undo came first.
    pub request: Option<serde::de::IgnoredAny>,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// How the store names its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutState {
    Done,
    Reopened,
}

/// Inventory's part.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reservation {
    pub order_id: OrderId,
    pub state: ReservationState,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// How inventory names its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    Held,
    Committed,
    Shipped,
    Released,
}

/// Accounting's part.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Payment {
    pub order_id: OrderId,
    pub state: PaymentState,
    /// Absent until the invoice is issued.
    pub invoice_number: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub captured_at: Option<OffsetDateTime>,
}

/// How accounting names its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    Authorizing,
    Authorized,
    Declined,
    Capturing,
    CaptureDeclined,
    Captured,
    Voiding,
    Voided,
    Refunding,
    Refunded,
}

/// Shipping's part.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Shipment {
    pub order_id: OrderId,
    pub state: ShipmentState,
    pub tracking_number: String,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// How shipping names its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentState {
    Booked,
    Prepared,
    Dispatched,
    Delivered,
    Cancelled,
}

impl Checkout {
    /// Whether it ever held one.
    pub fn held_a_cart(&self) -> bool {
        self.request.is_some()
    }
}

impl Participant {
    /// The service.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Inventory => "inventory",
            Self::Accounting => "accounting",
            Self::Shipping => "shipping",
        }
    }
}

impl Found {
    /// What one of them says, in its own word.
    pub fn says(&self, participant: Participant) -> String {
        match participant {
            Participant::Store => word(self.checkout.as_ref().map(|it| it.state)),
            Participant::Inventory => word(self.reservation.as_ref().map(|it| it.state)),
            Participant::Shipping => word(self.shipment.as_ref().map(|it| it.state)),
            Participant::Accounting => match &self.payment {
                Some(Payment { state: state @ PaymentState::Captured, invoice_number, .. }) => {
                    let invoice = invoice_number.as_deref().unwrap_or("no invoice");
                    format!("{}, {invoice}", word(Some(*state)))
                }
                payment => word(payment.as_ref().map(|it| it.state)),
            },
        }
    }

    /// Whether the carrier has the parcel.
    pub fn parcel_has_left(&self) -> bool {
        use self::ShipmentState::{Delivered, Dispatched};
        self.shipment.as_ref().is_some_and(|it| matches!(it.state, Dispatched | Delivered))
    }

    /// Whether anybody says that the goods have left the building.
    pub fn goods_have_left(&self) -> bool {
        let off_the_shelf = |it: &Reservation| it.state == ReservationState::Shipped;
        self.parcel_has_left() || self.reservation.as_ref().is_some_and(off_the_shelf)
    }

    /// Whether anybody remembers that a bought order was cancelled: nothing else stops its parcel or refunds it.
    pub fn was_cancelled(&self) -> bool {
        let refunded = |it: &Payment| matches!(it.state, PaymentState::Refunding | PaymentState::Refunded);
        let stopped = |it: &Shipment| it.state == ShipmentState::Cancelled;
        self.payment.as_ref().is_some_and(refunded) || self.shipment.as_ref().is_some_and(stopped)
    }

    /// When something last happened to it that others may not have heard of yet.
    pub fn changed_at(&self) -> Option<OffsetDateTime> {
        let payment = self.payment.as_ref().and_then(|it| it.captured_at);
        let reservation = self.reservation.as_ref().map(|it| it.changed_at);
        [payment, reservation, self.shipment.as_ref().map(|it| it.changed_at)].into_iter().flatten().max()
    }
}

fn word(state: Option<impl Serialize>) -> String {
    let word = state.and_then(|state| serde_json::to_value(state).ok());
    word.as_ref().and_then(|word| word.as_str()).unwrap_or("nothing").to_owned()
}
