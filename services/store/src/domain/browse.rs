//! Browsing the catalogue: what is looked for, in which order, and where a page ends.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::{Currency, Sku};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{SearchText, Slug};

/// Which products are wanted; every part that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this category or one below it.
    pub category: Option<Slug>,
    pub currency: Option<Currency>,
    /// In minor units of `currency`.
    pub price_min: Option<i64>,
    /// In minor units of `currency`.
    pub price_max: Option<i64>,
    /// Only what is on the shelf.
    pub available: bool,
    /// Withdrawn products instead of those on sale.
    pub withdrawn: bool,
    /// Words to find.
    pub search: Option<SearchText>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By name.
    #[default]
    Name,
    /// Cheapest first.
    Price,
    /// Latest first.
    Newest,
    /// Most bought first.
    Popular,
}

impl Sort {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Price => "price",
            Self::Newest => "newest",
            Self::Popular => "popular",
        }
    }
}

/// What a product is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    Name(String),
    Price(i64),
    #[serde(with = "time::serde::rfc3339")]
    Newest(OffsetDateTime),
    Popular(i64),
}

/// Where a page ends: the sort key of its last product. It stays right however many products come in between,
/// because it names a place in the order and not a number of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub Key, pub Sku);

/// The text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list in this order")]
pub struct CursorError;

impl Cursor {
    /// The cursor as callers carry it.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what a caller carried; it must belong to a list in the order `sort`.
    pub fn decode(text: &str, sort: Sort) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| CursorError)?;
        // PostgreSQL keeps no NUL in text.
        let sound = !matches!(&cursor.0, Key::Name(name) if name.contains('\0'));
        if sound && cursor.0.sort() == sort { Ok(cursor) } else { Err(CursorError) }
    }
}

impl Key {
    fn sort(&self) -> Sort {
        match self {
            Self::Name(_) => Sort::Name,
            Self::Price(_) => Sort::Price,
            Self::Newest(_) => Sort::Newest,
            Self::Popular(_) => Sort::Popular,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given_and_only_in_its_own_order() {
        let keys = [
            Key::Name("Blaue Tasse ☕".to_owned()),
            Key::Price(1490),
            Key::Newest(datetime!(2026-01-02 03:04:05.678901 UTC)),
            Key::Popular(7),
        ];
        for key in keys {
            let sort = key.sort();
            let cursor = Cursor(key, Sku::parse("MUG-BLUE").unwrap());
            assert_eq!(Cursor::decode(&cursor.encode(), sort), Ok(cursor.clone()));
            let other = if sort == Sort::Price { Sort::Name } else { Sort::Price };
            assert_eq!(Cursor::decode(&cursor.encode(), other), Err(CursorError));
        }
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let nul = URL_SAFE_NO_PAD.encode(br#"[{"name":"a\u0000"},"MUG-BLUE"]"#);
        let sku = URL_SAFE_NO_PAD.encode(br#"[{"name":"a"},"'; drop table"]"#);
        for forged in ["", "!", "bm9wZQ", &nul, &sku] {
            assert_eq!(Cursor::decode(forged, Sort::Name), Err(CursorError), "{forged}");
        }
    }
}
