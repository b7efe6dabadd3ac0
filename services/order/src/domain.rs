//! The rules of an order: what it holds, how its state moves, what is announced when it does.

mod basket;
mod by_hand;
mod log;
pub mod reconciliation;
mod refusal;
mod state;

pub use basket::{Basket, Line, Shipping, ShippingService};
pub use by_hand::{CannotSettle, Outcome, Settlement, Why};
pub use log::{Direction, Entry, FULFILMENT, Logged, SagaState, Standing, What};
pub use refusal::{CannotCancel, Reason, Refusal};
pub use state::State;

use contracts::{
    Address, CartId, CustomerId, Money, OrderId,
    order::{OrderCancelled, OrderCompensated, OrderConfirmed, OrderLine},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Names the order's part in every participant.
    pub id: OrderId,
    /// Who buys.
    pub customer_id: CustomerId,
    /// Where it stands.
    pub state: State,
    /// What is bought, until the cart is checked out.
    pub cart_id: CartId,
    /// Where it goes.
    pub ship_to: Address,
    /// How it goes, at the price that was quoted.
    pub shipping: Shipping,
    /// Token of the means of payment. Shown to nobody.
    pub payment_method: String,
    /// What is bought, once the cart is checked out.
    pub basket: Option<Basket>,
    /// What has become known since.
    pub facts: Facts,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When something last changed that the order itself shows.
    pub updated_at: OffsetDateTime,
}

/// What becomes known about an order over its life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Why it was undone.
    pub reason: Option<Reason>,
    /// Why it could not be cancelled.
    pub cancellation_refused: Option<Reason>,
    /// The carrier's number, once the parcel has left.
    pub tracking_number: Option<String>,
    /// Number of the invoice.
    pub invoice_number: Option<String>,
    /// When every step of buying was done.
    #[serde(with = "time::serde::rfc3339::option")]
    pub confirmed_at: Option<OffsetDateTime>,
    /// When the parcel left.
    #[serde(with = "time::serde::rfc3339::option")]
    pub dispatched_at: Option<OffsetDateTime>,
    /// When the parcel arrived.
    #[serde(with = "time::serde::rfc3339::option")]
    pub delivered_at: Option<OffsetDateTime>,
    /// When the cancellation was done.
    #[serde(with = "time::serde::rfc3339::option")]
    pub cancelled_at: Option<OffsetDateTime>,
}

/// A change to the order that a saga asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Every step of buying is done.
    Confirm,
    /// Every step of buying is undone.
    Compensate,
    /// Every step of cancelling is done.
    Cancel,
    /// The cancellation was refused.
    Keep,
}

/// What others are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Announcement {
    /// The order is confirmed.
    Confirmed(Box<OrderConfirmed>),
    /// The order is undone.
    Compensated(OrderCompensated),
    /// The order is cancelled.
    Cancelled(OrderCancelled),
}

impl Order {
    /// The lines; none before the cart is checked out.
    pub fn lines(&self) -> &[Line] {
        self.basket.as_ref().map_or(&[], |basket| &basket.lines)
    }

    /// The weight of all lines.
    pub fn weight_grams(&self) -> i64 {
        self.basket.as_ref().map_or(0, |basket| basket.weight_grams)
    }

    /// The amount to pay: all lines and shipping. None before the cart is checked out, or when the two do not add up.
    pub fn total(&self) -> Option<Money> {
        self.basket.as_ref()?.total.plus(self.shipping.price).ok()
    }

    /// Makes the change that a saga asks for, `reason` being why the saga was undone, and tells what to announce.
    pub fn apply(&mut self, change: Change, reason: Option<&Reason>, now: OffsetDateTime) -> Option<Announcement> {
        self.updated_at = now;
        match change {
            Change::Confirm => {
                self.facts.confirmed_at = Some(now);
                self.state = self.fulfilment();
                self.confirmed(now)
            }
            Change::Compensate => {
                self.facts.reason = reason.cloned();
                self.state = State::Compensated;
                Some(self.compensated())
            }
            Change::Cancel => {
                self.facts.cancelled_at = Some(now);
                self.state = State::Cancelled;
                let (order_id, customer_id) = (self.id, self.customer_id);
                Some(Announcement::Cancelled(OrderCancelled { order_id, customer_id, cancelled_at: now }))
            }
            Change::Keep => {
                self.facts.cancellation_refused = reason.cloned();
                self.state = self.fulfilment();
                None
            }
        }
    }

    /// Begins the cancellation. False if it is on its way or done already.
    pub fn cancel(&mut self, now: OffsetDateTime) -> Result<bool, CannotCancel> {
        match (self.state, &self.facts.cancellation_refused) {
            (State::Cancelling | State::Cancelled, _) => Ok(false),
            (State::Confirmed, None) => {
                self.state = State::Cancelling;
                self.updated_at = now;
                Ok(true)
            }
            (state, refused) => Err(CannotCancel { state, refused: refused.clone() }),
        }
    }

    /// The parcel has left. False if that was known.
    pub fn dispatched(&mut self, tracking_number: &str, at: OffsetDateTime, now: OffsetDateTime) -> bool {
        let news = self.facts.dispatched_at.is_none();
        self.facts.tracking_number.get_or_insert_with(|| tracking_number.to_owned());
        self.facts.dispatched_at.get_or_insert(at);
        self.move_on(news, now)
    }

    /// The parcel has arrived, which may be heard of before it is heard that it left. False if that was known.
    pub fn delivered(&mut self, tracking_number: &str, at: OffsetDateTime, now: OffsetDateTime) -> bool {
        let news = self.facts.delivered_at.is_none();
        self.facts.tracking_number.get_or_insert_with(|| tracking_number.to_owned());
        self.facts.delivered_at.get_or_insert(at);
        self.move_on(news, now)
    }

    /// The invoice was issued. False if that was known.
    pub fn invoiced(&mut self, number: &str, now: OffsetDateTime) -> bool {
        // Accounting decides: after it was put back to an earlier moment it may have issued another.
        let news = self.facts.invoice_number.as_deref() != Some(number);
        self.facts.invoice_number = Some(number.to_owned());
        self.move_on(news, now)
    }

    fn move_on(&mut self, news: bool, now: OffsetDateTime) -> bool {
        if news {
            self.updated_at = now;
        }
        // A saga that is working on the order looks at the facts when it ends.
        if matches!(self.state, State::Confirmed | State::Dispatched) {
            self.state = self.fulfilment();
        }
        news
    }

    /// Where a confirmed order stands, going by what is known of its parcel.
    fn fulfilment(&self) -> State {
        match (self.facts.dispatched_at, self.facts.delivered_at) {
            (_, Some(_)) => State::Delivered,
            (Some(_), None) => State::Dispatched,
            (None, None) => State::Confirmed,
        }
    }

    /// What was announced when the order was confirmed, for whoever has forgotten it. None if it is not confirmed.
    pub fn confirmed_again(&self) -> Option<Announcement> {
        let stands = matches!(self.state, State::Confirmed | State::Dispatched | State::Delivered);
        self.facts.confirmed_at.filter(|_| stands).and_then(|at| self.confirmed(at))
    }

    fn confirmed(&self, now: OffsetDateTime) -> Option<Announcement> {
        let line = |line: &Line| OrderLine {
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        Some(Announcement::Confirmed(Box::new(OrderConfirmed {
            order_id: self.id,
            customer_id: self.customer_id,
            lines: self.lines().iter().map(line).collect(),
            shipping_price: self.shipping.price,
            // Without a total nothing was authorized, so that nothing gets here.
            total: self.total()?,
            ship_to: self.ship_to.clone(),
            confirmed_at: now,
        })))
    }

    fn compensated(&self) -> Announcement {
        let reason = self.facts.reason.as_ref();
        Announcement::Compensated(OrderCompensated {
            order_id: self.id,
            customer_id: self.customer_id,
            step: reason.map_or_else(String::new, |reason| reason.step.clone()),
            code: reason.map_or_else(String::new, |reason| reason.refusal.code.clone()),
        })
    }
}

#[cfg(test)]
mod tests;
