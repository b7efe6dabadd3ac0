//! What inventory announces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Event, Sku};

/// The stock of a product changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockChanged {
    pub sku: Sku,
    /// Pieces on the shelf.
    pub on_hand: i64,
    /// Pieces of them that are promised to orders.
    pub reserved: i64,
    /// Pieces that can still be sold: `on_hand - reserved`.
    pub available: i64,
    /// Rises with every change of this SKU; a lower one that comes later is stale.
    pub version: i64,
}

impl Event for StockChanged {
    const TYPE: &'static str = "inventory.stock.changed.v1";

    fn aggregate(&self) -> String {
        self.sku.to_string()
    }
}
