//! Carts: what a customer means to buy, at today's prices.

use contracts::{CartId, Currency, CustomerId, Money, MoneyError, Quantity, Sku};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Refusal;

/// Lines in one cart.
pub const MAX_LINES: i64 = 100;

/// Where a cart stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartState {
    /// May be changed.
    Open,
    /// An order holds it; it cannot be changed.
    CheckedOut,
}

/// A cart with its lines at today's prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cart {
    pub id: CartId,
    pub customer_id: CustomerId,
    pub state: CartState,
    pub currency: Currency,
    pub lines: Vec<Line>,
    /// All lines at today's prices; fixed only by the checkout.
    pub total: Money,
    /// All lines.
    #[schema(example = 840)]
    pub weight_grams: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// A product in a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    pub sku: Sku,
    #[schema(example = "Blue mug")]
    pub name: String,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub total: Money,
    /// The whole line.
    #[schema(example = 840)]
    pub weight_grams: i64,
    pub hint: Hint,
}

/// Whether the line looks as if it could be bought now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// Enough on the shelf.
    Available,
    /// Some on the shelf, but fewer than wanted.
    Short,
    OutOfStock,
    Withdrawn,
    /// Inventory has not said yet.
    Unknown,
}

/// A cart in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CartSummary {
    pub id: CartId,
    pub state: CartState,
    pub currency: Currency,
    /// How many different products are in it.
    #[schema(example = 2)]
    pub lines: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// A product as a cart sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub sku: Sku,
    pub name: String,
    pub price: Money,
    pub weight_grams: i32,
    pub withdrawn: bool,
    /// Pieces inventory last spoke of.
    pub available: Option<i64>,
}

/// The head of a cart, locked while its lines are changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub state: CartState,
    pub currency: Currency,
}

/// A product on its way into a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub offer: Offer,
    /// How many different products the cart holds besides this one.
    pub other_lines: i64,
}

impl Head {
    /// The cart may be changed.
    pub fn change(&self) -> Result<(), Refusal> {
        match self.state {
            CartState::Open => Ok(()),
            CartState::CheckedOut => Err(Refusal::CartCheckedOut),
        }
    }

    /// The cart may hold the candidate.
    pub fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        let offer = &candidate.offer;
        self.change()?;
        if offer.withdrawn {
            return Err(Refusal::ProductWithdrawn { sku: offer.sku.clone() });
        }
        if offer.price.currency != self.currency {
            return Err(Refusal::CurrencyMismatch { cart: self.currency, product: offer.price.currency });
        }
        if candidate.other_lines >= MAX_LINES {
            return Err(Refusal::CartFull { limit: MAX_LINES });
        }
        Ok(())
    }
}

impl Line {
    /// `quantity` pieces of what is offered now.
    pub fn of(offer: Offer, quantity: Quantity) -> Result<Self, MoneyError> {
        Ok(Self {
            hint: hint(&offer, quantity),
            total: offer.price.times(quantity.get())?,
            weight_grams: i64::from(offer.weight_grams) * quantity.get(),
            unit_price: offer.price,
            sku: offer.sku,
            name: offer.name,
            quantity,
        })
    }
}

fn hint(offer: &Offer, wanted: Quantity) -> Hint {
    match offer.available {
        _ if offer.withdrawn => Hint::Withdrawn,
        None => Hint::Unknown,
        Some(..=0) => Hint::OutOfStock,
        Some(left) if left < wanted.get() => Hint::Short,
        Some(_) => Hint::Available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mug() -> Offer {
        Offer {
            sku: Sku::parse("MUG-BLUE").unwrap(),
            name: "Blue mug".to_owned(),
            price: Money::new(1490, Currency::Eur),
            weight_grams: 420,
            withdrawn: false,
            available: Some(3),
        }
    }

    const OPEN: Head = Head { state: CartState::Open, currency: Currency::Eur };

    fn with(other_lines: i64, offer: Offer) -> Candidate {
        Candidate { offer, other_lines }
    }

    #[test]
    fn a_cart_takes_a_hundred_products_and_no_more() {
        assert_eq!(OPEN.admit(&with(MAX_LINES - 1, mug())), Ok(()));
        assert_eq!(OPEN.admit(&with(MAX_LINES, mug())), Err(Refusal::CartFull { limit: MAX_LINES }));
    }

    #[test]
    fn a_cart_takes_neither_withdrawn_products_nor_other_currencies_nor_anything_once_checked_out() {
        let (mut withdrawn, mut dollars) = (mug(), mug());
        withdrawn.withdrawn = true;
        dollars.price.currency = Currency::Usd;
        assert_eq!(OPEN.admit(&with(0, withdrawn)), Err(Refusal::ProductWithdrawn { sku: mug().sku }));
        assert_eq!(
            OPEN.admit(&with(0, dollars)),
            Err(Refusal::CurrencyMismatch { cart: Currency::Eur, product: Currency::Usd })
        );
        let held = Head { state: CartState::CheckedOut, ..OPEN };
        assert_eq!(held.admit(&with(0, mug())), Err(Refusal::CartCheckedOut));
    }

    #[test]
    fn a_line_says_whether_it_could_be_bought() {
        let hint = |available, wanted| hint(&Offer { available, ..mug() }, Quantity::new(wanted).unwrap());
        assert_eq!(hint(Some(3), 3), Hint::Available);
        assert_eq!(hint(Some(3), 4), Hint::Short);
        assert_eq!(hint(Some(0), 1), Hint::OutOfStock);
        assert_eq!(hint(None, 1), Hint::Unknown);
    }

    #[test]
    fn the_dearest_and_fullest_cart_has_a_total() {
        let dear = Offer { price: Money::new(100_000_000_000, Currency::Eur), ..mug() };
        let line = Line::of(dear, Quantity::new(1000).unwrap()).unwrap();
        let total = Money::sum(Currency::Eur, std::iter::repeat_n(line.total, 100));
        assert_eq!(total, Ok(Money::new(10_000_000_000_000_000, Currency::Eur)));
    }
}
