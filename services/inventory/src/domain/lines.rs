//! What an order wants of which product.

use contracts::{Quantity, Sku};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// So many pieces of one product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The product.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// The lines of one order: 1 to 100, each product once, sorted by SKU so that the order in which they were written
/// makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Line>")]
pub struct Lines(Vec<Line>);

/// The lines are not an order's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLines {
    #[error("must be 1 to {} lines", Lines::MOST)]
    Number,
    #[error("{0} stands in more than one line; add the quantities up")]
    Repeated(Sku),
}

impl Lines {
    /// The most lines that one order has.
    pub const MOST: usize = 100;

    /// The products, sorted.
    pub fn skus(&self) -> Vec<&str> {
        skus(&self.0)
    }

    /// The lines, by SKU.
    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }
}

/// The products of some lines.
pub fn skus(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.sku.as_str()).collect()
}

impl TryFrom<Vec<Line>> for Lines {
    type Error = InvalidLines;

    fn try_from(mut lines: Vec<Line>) -> Result<Self, InvalidLines> {
        if !(1..=Self::MOST).contains(&lines.len()) {
            return Err(InvalidLines::Number);
        }
        lines.sort();
        match lines.windows(2).find(|pair| pair[0].sku == pair[1].sku) {
            Some(pair) => Err(InvalidLines::Repeated(pair[0].sku.clone())),
            None => Ok(Self(lines)),
        }
    }
}

impl From<Lines> for Vec<Line> {
    fn from(lines: Lines) -> Self {
        lines.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};

    use super::*;

    fn lines(n: usize) -> Vec<Line> {
        let line = |i| Line { sku: Sku::parse(&format!("SKU-{i}")).unwrap(), quantity: Quantity::new(1).unwrap() };
        (0..n).map(line).collect()
    }

    #[test]
    fn an_order_has_one_to_a_hundred_lines() {
        assert_eq!(Lines::try_from(lines(0)), Err(InvalidLines::Number));
        assert!(Lines::try_from(lines(1)).is_ok());
        assert!(Lines::try_from(lines(100)).is_ok());
        assert_eq!(Lines::try_from(lines(101)), Err(InvalidLines::Number));
    }

    #[test]
    fn a_product_stands_in_one_line_only() {
        let twice = [lines(3), lines(1)].concat();
        assert_eq!(Lines::try_from(twice), Err(InvalidLines::Repeated(Sku::parse("SKU-0").unwrap())));
    }

    proptest! {
        #[test]
        fn the_order_of_lines_makes_no_difference(
            (given, shuffled) in btree_map("[A-Z]{3,6}", 1..=1000_i64, 1..20)
                .prop_map(|map| {
                    let line = |(sku, n): (String, i64)| Line { sku: Sku::parse(&sku).unwrap(), quantity: Quantity::new(n).unwrap() };
                    map.into_iter().map(line).collect::<Vec<_>>()
                })
                .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle()))
        ) {
            prop_assert_eq!(Lines::try_from(given), Lines::try_from(shuffled));
        }
    }
}
