//! Lists are paged by cursor, with a bounded limit.

use std::str::FromStr;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// In characters. Longer ones are none of ours.
const LONGEST_CURSOR: usize = 200;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items at the most.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100, default = 20)]
    pub limit: Limit,
    /// Where to go on: `next` of the page before.
    #[param(max_length = 200)]
    pub after: Option<String>,
}

impl Paging {
    /// The cursor, read as `C`. 400 if it is not one of ours.
    pub fn cursor<C: FromStr>(&self) -> Result<Option<C>, Problem> {
        let read = |text: &str| text.parse().ok().filter(|_| text.chars().count() <= LONGEST_CURSOR);
        self.after.as_deref().map(|text| read(text).ok_or(())).transpose().map_err(|()| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_query", "The query string is not as the contract says")
                .field("after", "is not a cursor of this list")
        })
    }
}

/// How many items at the most: 1 to 100, 20 unless told.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Limit(i64);

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<String> for Limit {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().ok().filter(|n| (1..=100).contains(n)).map(Self).ok_or("must be a whole number from 1 to 100")
    }
}

impl Limit {
    /// The number of items a page holds.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number of rows to fetch: one more than a page holds, which tells whether there is a next one.
    pub fn rows(self) -> i64 {
        self.0 + 1
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page made of one row more than it holds, if there is one; `cursor` tells where the page after an item begins.
    pub fn of(mut rows: Vec<T>, limit: Limit, cursor: impl Fn(&T) -> String) -> Self {
        let fits = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let more = rows.len() > fits;
        rows.truncate(fits);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_only_when_a_row_is_left_over() {
        let limit = Limit(2);
        let full = Page::of(vec![1, 2, 3], limit, ToString::to_string);
        assert_eq!((full.items, full.next), (vec![1, 2], Some("2".to_owned())));
        let last = Page::of(vec![1, 2], limit, ToString::to_string);
        assert_eq!((last.items, last.next), (vec![1, 2], None));
    }

    #[test]
    fn a_cursor_longer_than_ours_is_refused() {
        let cursor = |length| Paging { limit: Limit(2), after: Some("x".repeat(length)) }.cursor::<String>();
        assert!(cursor(200).is_ok() && cursor(201).is_err());
    }

    #[test]
    fn a_limit_outside_one_to_a_hundred_is_refused() {
        for bad in ["0", "101", "-1", "x", "99999999999999999999"] {
            assert!(Limit::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
