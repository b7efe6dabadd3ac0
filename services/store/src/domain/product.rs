//! Products: what a customer is told.

use contracts::{Money, Sku, store::ProductChanged};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// At or below so many pieces a customer is warned.
const LOW: i64 = 5;

/// A product of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Product {
    pub sku: Sku,
    #[schema(example = "Blue mug")]
    pub name: String,
    #[schema(example = "A stoneware mug for long mornings.")]
    pub description: String,
    /// Slug of its category.
    #[schema(example = "tableware")]
    pub category: String,
    /// What one piece costs.
    pub price: Money,
    /// What one piece weighs, packed.
    #[schema(example = 420)]
    pub weight_grams: i32,
    /// No longer sold.
    pub withdrawn: bool,
    pub availability: Availability,
    /// Address of its picture below this service.
    #[schema(example = "/v1/products/MUG-BLUE/picture")]
    pub picture: String,
    /// Rises with every edit.
    #[schema(example = 1)]
    pub version: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// What the shelf was last said to hold. A hint: only a reservation is a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Availability {
    pub status: StockStatus,
    /// Pieces that can still be sold; absent as long as inventory has not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 498)]
    pub available: Option<i64>,
    /// Which word of inventory this is.
    #[serde(skip)]
    pub version: i64,
}

/// The stock in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockStatus {
    InStock,
    /// Five pieces or fewer.
    Low,
    OutOfStock,
    /// Inventory has not said yet.
    Unknown,
}

impl Availability {
    /// What inventory said: pieces and version; `None` before it said anything.
    pub fn said(word: Option<(i64, i64)>) -> Self {
        let Some((available, version)) = word else {
            return Self { status: StockStatus::Unknown, available: None, version: 0 };
        };
        let status = match available {
            ..=0 => StockStatus::OutOfStock,
            1..=LOW => StockStatus::Low,
            _ => StockStatus::InStock,
        };
        Self { status, available: Some(available), version }
    }
}

impl Product {
    /// The announcement that the product is now as it is here.
    pub fn changed(&self) -> ProductChanged {
        ProductChanged {
            sku: self.sku.clone(),
            name: self.name.clone(),
            price: self.price,
            withdrawn: self.withdrawn,
            version: self.version,
        }
    }

    /// The entity tag's text: the version staff edit, then the word of inventory that it is shown with.
    pub fn tag(&self) -> String {
        format!("{}.{}", self.version, self.availability.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_put_into_words() {
        let status = |available| Availability::said(Some((available, 1))).status;
        assert_eq!(status(0), StockStatus::OutOfStock);
        assert_eq!(status(5), StockStatus::Low);
        assert_eq!(status(6), StockStatus::InStock);
        assert_eq!(Availability::said(None).status, StockStatus::Unknown);
    }
}
