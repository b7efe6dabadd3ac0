//! Where an order stands.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order stands.
///
/// `pending → confirmed → dispatched → delivered`, `pending → compensated`, `confirmed → cancelling → cancelled`; a
/// refused cancellation leads back from `cancelling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted; the checkout is going on.
    Pending,
    /// Bought and paid.
    Confirmed,
    /// Bought, paid, and being cancelled.
    Cancelling,
    /// The parcel has left.
    Dispatched,
    /// The parcel has arrived.
    Delivered,
    /// Something was refused and everything undone.
    Compensated,
    /// Refunded and put back on the shelf.
    Cancelled,
}

impl State {
    /// Whether nothing more will happen to the order.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Compensated | Self::Cancelled)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Cancelling => "cancelling",
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
            Self::Compensated => "compensated",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
