//! A product on the shelf, and the only ways in which its numbers change.

use contracts::{Quantity, Sku};

use super::{Difference, Kind, Line, Lines, Pieces, Refusal};

/// How many pieces of a product there are, and how many of them are promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    pub sku: Sku,
    /// Pieces in the building.
    pub on_hand: i64,
    /// Of these, promised to orders.
    pub reserved: i64,
    /// Rises by one with every change.
    pub version: i64,
}

/// A change of one product's stock: how it stands afterwards, and the movement that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub stock: Stock,
    pub kind: Kind,
    /// Signed as in [`super::Movement::quantity`].
    pub quantity: i64,
}

impl Stock {
    /// Pieces that can still be sold.
    pub fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }

    /// Goods arrive.
    pub fn receive(&self, pieces: Pieces) -> Change {
        self.change(Kind::Received, pieces.get())
    }

    /// Somebody counted. What is promised to orders cannot be counted away.
    pub fn adjust(&self, difference: Difference) -> Result<Change, Refusal> {
        let change = self.change(Kind::Adjusted, difference.get());
        if change.stock.available() >= 0 {
            return Ok(change);
        }
        let Stock { sku, on_hand, reserved, .. } = self.clone();
        Err(Refusal::BelowReserved { sku, on_hand, reserved, taken: -difference.get() })
    }

    /// An order wants pieces.
    pub fn reserve(&self, quantity: Quantity) -> Result<Change, Refusal> {
        let (wanted, left) = (quantity.get(), self.available());
        if wanted > left {
            return Err(Refusal::OutOfStock { sku: self.sku.clone(), wanted, left });
        }
        Ok(self.change(Kind::Reserved, wanted))
    }

    /// An order gives back what it had reserved.
    pub fn release(&self, quantity: Quantity) -> Change {
        self.change(Kind::Released, -quantity.get())
    }

    /// What an order had reserved leaves the building.
    pub fn ship(&self, quantity: Quantity) -> Change {
        self.change(Kind::Shipped, -quantity.get())
    }

    fn change(&self, kind: Kind, quantity: i64) -> Change {
        let (on_hand, reserved) = match kind {
            Kind::Received | Kind::Adjusted => (quantity, 0),
            Kind::Reserved | Kind::Released => (0, quantity),
            Kind::Shipped => (quantity, quantity),
        };
        let stock = Stock {
            sku: self.sku.clone(),
            on_hand: self.on_hand + on_hand,
            reserved: self.reserved + reserved,
            version: self.version + 1,
        };
        Change { stock, kind, quantity }
    }
}

/// Reserves every line, or refuses and changes nothing.
pub fn take(shelf: &[Stock], lines: &Lines) -> Result<Vec<Change>, Refusal> {
    lines.as_slice().iter().map(|line| stock_of(shelf, line)?.reserve(line.quantity)).collect()
}

/// Puts the reserved lines back.
pub fn put_back(shelf: &[Stock], lines: &[Line]) -> Result<Vec<Change>, Refusal> {
    lines.iter().map(|line| Ok(stock_of(shelf, line)?.release(line.quantity))).collect()
}

/// Sends the reserved lines out.
pub fn ship(shelf: &[Stock], lines: &[Line]) -> Result<Vec<Change>, Refusal> {
    lines.iter().map(|line| Ok(stock_of(shelf, line)?.ship(line.quantity))).collect()
}

fn stock_of<'a>(shelf: &'a [Stock], line: &Line) -> Result<&'a Stock, Refusal> {
    shelf.iter().find(|stock| stock.sku == line.sku).ok_or_else(|| Refusal::UnknownSku { sku: line.sku.clone() })
}

#[cfg(test)]
mod tests;
