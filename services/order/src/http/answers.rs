//! Orders as a caller sees them.

use contracts::{Address, CartId, CustomerId, Money, OrderId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::{self, Line, Logged, Reason, Shipping, State};

/// An order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Order {
    id: OrderId,
    customer_id: CustomerId,
    state: State,
    cart_id: CartId,
    ship_to: Address,
    shipping: Shipping,
    /// What is bought; empty until the cart is checked out.
    lines: Vec<Line>,
    /// The amount to pay: all lines and shipping. Absent until the cart is checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    /// Why it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// Why it could not be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_refused: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_number: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    dispatched_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    delivered_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<OffsetDateTime>,
}

/// An order and all that happened to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderWithTimeline {
    #[serde(flatten)]
    order: Order,
    /// Every step, attempt, refusal and undo, in the order in which they happened; of more than a thousand the last ones.
    timeline: Vec<Logged>,
    /// How many entries come before those shown. The event stream has all.
    #[schema(minimum = 0, example = 0)]
    earlier_entries: i32,
}

impl OrderWithTimeline {
    /// The order with its log.
    pub fn new(order: domain::Order, timeline: Vec<Logged>) -> Self {
        // Numbered from 1 without gaps.
        let earlier_entries = timeline.first().map_or(0, |first| first.seq - 1);
        Self { order: order.into(), timeline, earlier_entries }
    }
}

impl From<domain::Order> for Order {
    fn from(order: domain::Order) -> Self {
        let total = order.total();
        let domain::Order { id, customer_id, state, cart_id, ship_to, shipping, basket, facts, .. } = order;
        Self {
            id,
            customer_id,
            state,
            cart_id,
            ship_to,
            shipping,
            lines: basket.map_or_else(Vec::new, |basket| basket.lines),
            total,
            reason: facts.reason,
            cancellation_refused: facts.cancellation_refused,
            tracking_number: facts.tracking_number,
            invoice_number: facts.invoice_number,
            created_at: order.created_at,
            updated_at: order.updated_at,
            confirmed_at: facts.confirmed_at,
            dispatched_at: facts.dispatched_at,
            delivered_at: facts.delivered_at,
            cancelled_at: facts.cancelled_at,
        }
    }
}
