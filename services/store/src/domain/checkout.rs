//! Checkouts: an order takes a cart, and the prices of that moment are kept for it.

use contracts::{CartId, CustomerId, Money, MoneyError, OrderId, Quantity, Sku};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Refusal, cart::Offer};

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckoutRequest {
    pub cart_id: CartId,
    /// Whose cart it must be.
    pub customer_id: CustomerId,
}

/// The cart as the order took it. Stored as it is answered; a repeat gets the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    pub order_id: OrderId,
    pub cart_id: CartId,
    pub lines: Vec<CheckoutLine>,
    /// All lines.
    pub total: Money,
    /// All lines.
    #[schema(example = 840)]
    pub weight_grams: i64,
}

/// A product at the price of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckoutLine {
    pub sku: Sku,
    #[schema(example = "Blue mug")]
    pub name: String,
    pub quantity: Quantity,
    pub unit_price: Money,
    /// What one piece weighs.
    #[schema(example = 420)]
    pub weight_grams: i64,
}

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutState {
    /// The order holds the cart.
    Done,
    /// Undone: the cart may be changed again, and this order cannot take one any more.
    Reopened,
}

/// A checkout as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checkout {
    pub order_id: OrderId,
    pub state: CheckoutState,
    /// Who asked for what; absent when the undo came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<CheckoutRequest>,
    /// What the order was told; absent when the undo came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

impl Checkout {
    /// The answer when this order asks (again).
    pub fn answer(self, asked: CheckoutRequest) -> Result<Snapshot, Refusal> {
        match (self.state, self.request, self.snapshot) {
            (CheckoutState::Reopened, ..) => Err(Refusal::CheckoutReopened),
            (CheckoutState::Done, Some(first), Some(snapshot)) if first == asked => Ok(snapshot),
            (CheckoutState::Done, ..) => Err(Refusal::ConflictingRequest),
        }
    }
}

/// Why a cart cannot be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Cannot happen while prices and quantities are bounded.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

/// Fixes what is offered now for `order`.
pub fn take(order: OrderId, cart: CartId, offers: Vec<(Offer, Quantity)>) -> Result<Snapshot, TakeError> {
    let Some(currency) = offers.first().map(|(offer, _)| offer.price.currency) else {
        return Err(Refusal::CartEmpty.into());
    };
    if let Some((gone, _)) = offers.iter().find(|(offer, _)| offer.withdrawn) {
        return Err(Refusal::ProductWithdrawn { sku: gone.sku.clone() }.into());
    }
    let lines: Vec<_> = offers.into_iter().map(|(offer, quantity)| CheckoutLine::of(offer, quantity)).collect();
    let totals = lines.iter().map(|line| line.unit_price.times(line.quantity.get())).collect::<Result<Vec<_>, _>>()?;
    Ok(Snapshot {
        order_id: order,
        cart_id: cart,
        total: Money::sum(currency, totals)?,
        weight_grams: lines.iter().map(|line| line.weight_grams * line.quantity.get()).sum(),
        lines,
    })
}

impl CheckoutLine {
    fn of(offer: Offer, quantity: Quantity) -> Self {
        Self {
            sku: offer.sku,
            name: offer.name,
            quantity,
            unit_price: offer.price,
            weight_grams: offer.weight_grams.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::Currency;
    use time::macros::datetime;

    use super::*;

    fn offer(sku: &str, cents: i64) -> Offer {
        Offer {
            sku: Sku::parse(sku).unwrap(),
            name: sku.to_lowercase(),
            price: Money::new(cents, Currency::Eur),
            weight_grams: 100,
            withdrawn: false,
            available: None,
        }
    }

    fn pieces(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    #[test]
    fn a_snapshot_adds_up() {
        let offers = vec![(offer("MUG-BLUE", 1490), pieces(2)), (offer("PEN-RED", 250), pieces(3))];
        let snapshot = take(OrderId::generate(), CartId::generate(), offers).unwrap();
        assert_eq!(snapshot.total, Money::new(3730, Currency::Eur));
        assert_eq!(snapshot.weight_grams, 500);
    }

    #[test]
    fn neither_an_empty_cart_nor_a_withdrawn_product_is_taken() {
        let ids = (OrderId::generate(), CartId::generate());
        assert_eq!(take(ids.0, ids.1, vec![]), Err(Refusal::CartEmpty.into()));
        let gone = Offer { withdrawn: true, ..offer("MUG-OLD", 1) };
        let sku = gone.sku.clone();
        assert_eq!(take(ids.0, ids.1, vec![(gone, pieces(1))]), Err(Refusal::ProductWithdrawn { sku }.into()));
    }

    #[test]
    fn an_order_that_asks_again_is_told_the_same_unless_it_asks_for_something_else_or_it_is_undone() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let request = CheckoutRequest { cart_id: CartId::generate(), customer_id: CustomerId::generate() };
        let order_id = OrderId::generate();
        let snapshot = take(order_id, request.cart_id, vec![(offer("MUG-BLUE", 1490), pieces(2))]).unwrap();
        let done = Checkout {
            order_id,
            state: CheckoutState::Done,
            request: Some(request),
            snapshot: Some(snapshot.clone()),
            created_at: at,
            changed_at: at,
        };
        assert_eq!(done.clone().answer(request), Ok(snapshot));
        let other = CheckoutRequest { cart_id: CartId::generate(), ..request };
        assert_eq!(done.clone().answer(other), Err(Refusal::ConflictingRequest));
        let undone = Checkout { state: CheckoutState::Reopened, ..done };
        assert_eq!(undone.answer(request), Err(Refusal::CheckoutReopened));
    }
}
