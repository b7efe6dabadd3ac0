//! What order announces.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{Address, CustomerId, Event, Money, OrderId, Quantity, Sku};

/// One product of an order, at the price fixed when the cart was checked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    pub sku: Sku,
    pub name: String,
    pub quantity: Quantity,
    #[serde(deserialize_with = "crate::additive::money")]
    pub unit_price: Money,
}

/// Every step of buying is done; the money is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderConfirmed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub lines: Vec<OrderLine>,
    #[serde(deserialize_with = "crate::additive::money")]
    pub shipping_price: Money,
    /// All lines and shipping.
    #[serde(deserialize_with = "crate::additive::money")]
    pub total: Money,
    #[serde(deserialize_with = "crate::additive::address")]
    pub ship_to: Address,
    #[serde(with = "time::serde::rfc3339")]
    pub confirmed_at: OffsetDateTime,
}

impl Event for OrderConfirmed {
    const TYPE: &'static str = "order.confirmed.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// A step of buying was refused, and every earlier one has been undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderCompensated {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// The step that was refused or stayed silent.
    pub step: String,
    /// Why: the problem code of the refusal.
    pub code: String,
}

impl Event for OrderCompensated {
    const TYPE: &'static str = "order.compensated.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// A confirmed order was cancelled: not shipped, refunded, and put back on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    #[serde(with = "time::serde::rfc3339")]
    pub cancelled_at: OffsetDateTime,
}

impl Event for OrderCancelled {
    const TYPE: &'static str = "order.cancelled.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// A step that must be done stays unanswered: somebody should look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderStuck {
    pub order_id: OrderId,
    pub saga: String,
    pub step: String,
    /// When the step was first asked.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// How often it has been asked.
    pub attempts: i32,
}

impl Event for OrderStuck {
    const TYPE: &'static str = "order.stuck.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}
