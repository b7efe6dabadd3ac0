//! The journal: every change of stock, with its cause. What stands in `stock` is the sum of its movements.

use std::str::FromStr;

use contracts::{OrderId, Sku};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Reason, Reference, Refusal};

/// What happened to the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = MovementKind)]
pub enum Kind {
    /// Goods arrived.
    Received,
    /// Somebody counted, and found more or fewer.
    Adjusted,
    /// Pieces were promised to an order.
    Reserved,
    /// The promise was taken back.
    Released,
    /// The pieces left the building.
    Shipped,
}

/// Why stock changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Goods arrived with this delivery note.
    Receipt { reference: Reference },
    /// Somebody counted. With a reference, a repeat counts once.
    Adjustment { reason: Reason, reference: Option<Reference> },
    /// An order reserves, releases or ships.
    Order(OrderId),
}

/// One entry of the journal; never changed, never deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Movement {
    /// Rises with time.
    #[schema(example = 42)]
    pub id: i64,
    pub sku: Sku,
    pub kind: Kind,
    /// Positive when pieces were received, found or reserved; negative when they were missing, released or shipped.
    #[schema(example = 24)]
    pub quantity: i64,
    /// What names the receipt or adjustment.
    #[schema(example = "DN-4711")]
    pub reference: Option<String>,
    /// Why somebody adjusted.
    #[schema(example = "two broken in the rack")]
    pub reason: Option<String>,
    /// The order that reserved, released or shipped.
    pub order_id: Option<OrderId>,
    /// Who caused it: the subject of a token, or the type of an event.
    #[schema(example = "01900000-0000-7000-8000-000000000011")]
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// The text names no kind of movement.
#[derive(Debug, thiserror::Error)]
#[error("no kind of movement: {0}")]
pub struct UnknownKind(String);

impl Kind {
    /// The kind as it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Adjusted => "adjusted",
            Self::Reserved => "reserved",
            Self::Released => "released",
            Self::Shipped => "shipped",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        [Self::Received, Self::Adjusted, Self::Reserved, Self::Released, Self::Shipped]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl Movement {
    /// The same receipt or adjustment came again: answered as it was, if it is the same.
    pub fn asked_again(self, quantity: i64, cause: &Cause) -> Result<Self, Refusal> {
        if (self.quantity, self.reason.as_deref()) == (quantity, cause.reason()) {
            return Ok(self);
        }
        Err(Refusal::ConflictingRequest { name: format!("reference {}", self.reference.unwrap_or_default()) })
    }
}

impl Cause {
    /// What names the receipt or adjustment.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Receipt { reference } => Some(reference.as_str()),
            Self::Adjustment { reference, .. } => reference.as_ref().map(Reference::as_str),
            Self::Order(_) => None,
        }
    }

    /// Why somebody adjusted.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Adjustment { reason, .. } => Some(reason.as_str()),
            Self::Receipt { .. } | Self::Order(_) => None,
        }
    }

    /// The order that reserves, releases or ships.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::Order(order_id) => Some(*order_id),
            Self::Receipt { .. } | Self::Adjustment { .. } => None,
        }
    }
}
