//! What is bought and how it is sent.

use contracts::{Money, Quantity, Sku, schema::money_between};
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// What the cart held when it was checked out, at the prices of that moment. They do not change any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// One line for each product.
    pub lines: Vec<Line>,
    /// All lines, without shipping.
    pub total: Money,
    /// All lines.
    pub weight_grams: i64,
}

/// So many pieces of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// The product.
    pub sku: Sku,
    /// The product's name when it was bought.
    #[schema(example = "Mug, blue")]
    pub name: String,
    /// How many pieces.
    pub quantity: Quantity,
    /// Price of one piece.
    pub unit_price: Money,
    /// Weight of one piece, in grams.
    #[schema(minimum = 0, example = 350)]
    pub weight_grams: i64,
}

/// How the parcel goes, at the price that was quoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// The carrier's service.
    pub service: ShippingService,
    /// As quoted by shipping; another price is refused when the shipment is booked.
    #[schema(schema_with = quoted)]
    pub price: Money,
}

fn quoted() -> RefOr<Schema> {
    money_between(0, i64::MAX)
}

/// A service of the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShippingService {
    /// A few days.
    Standard,
    /// The next day or the one after.
    Express,
}
