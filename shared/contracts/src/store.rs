//! What the store announces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Event, Money, Sku};

/// A product of the catalogue was added or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductChanged {
    pub sku: Sku,
    pub name: String,
    #[serde(deserialize_with = "crate::additive::money")]
    pub price: Money,
    /// No longer sold.
    pub withdrawn: bool,
    /// Rises with every change of this product.
    pub version: i64,
}

impl Event for ProductChanged {
    const TYPE: &'static str = "store.product.changed.v1";

    fn aggregate(&self) -> String {
        self.sku.to_string()
    }
}
