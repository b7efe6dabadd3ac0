//! The ways in which inventory says no, each with the facts that the caller needs.

use contracts::{OrderId, Sku};

/// Why inventory refuses. Nothing has changed when it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fewer pieces can still be sold than are wanted.
    #[error("{wanted} pieces of {sku} are wanted and {left} are left")]
    OutOfStock { sku: Sku, wanted: i64, left: i64 },
    /// Inventory has never had this product.
    #[error("{sku} is not in the warehouse")]
    UnknownSku { sku: Sku },
    /// The reservation was released, perhaps before it was asked for, and does not come back.
    #[error("the reservation of order {order_id} has been released")]
    Released { order_id: OrderId },
    /// The goods have left the building.
    #[error("the goods of order {order_id} have been shipped")]
    AlreadyShipped { order_id: OrderId },
    /// The same order or reference was used before, with another content.
    #[error("{name} was used before with another content")]
    ConflictingRequest { name: String },
    /// An adjustment would take pieces away that are promised to orders.
    #[error("{on_hand} pieces of {sku} minus {taken} would not cover the {reserved} that are reserved")]
    BelowReserved { sku: Sku, on_hand: i64, reserved: i64, taken: i64 },
}
