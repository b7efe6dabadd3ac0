//! Weights and times of travel, as types that hold nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The heaviest parcel the carrier takes.
pub const HEAVIEST: Grams = Grams(30_000);

/// A weight in whole grams, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i32, minimum = 1, maximum = 2_147_483_647, example = 1200)]
pub struct Grams(i32);

/// The number is not a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a weight is a whole number of grams from 1 to 2147483647")]
pub struct GramsError;

impl Grams {
    /// The weight as a number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i64> for Grams {
    type Error = GramsError;

    fn try_from(grams: i64) -> Result<Self, GramsError> {
        i32::try_from(grams).ok().filter(|g| *g >= 1).map(Self).ok_or(GramsError)
    }
}

impl From<Grams> for i64 {
    fn from(grams: Grams) -> Self {
        grams.0.into()
    }
}

impl fmt::Display for Grams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} g", self.0)
    }
}

/// How long a parcel travels, in days from dispatch: 1 to 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i32, minimum = 1, maximum = 60, example = 2)]
pub struct Days(i32);

/// The number is not a time of travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("days are a whole number from 1 to 60")]
pub struct DaysError;

impl Days {
    /// The number of days.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i64> for Days {
    type Error = DaysError;

    fn try_from(days: i64) -> Result<Self, DaysError> {
        i32::try_from(days).ok().filter(|d| (1..=60).contains(d)).map(Self).ok_or(DaysError)
    }
}

impl From<Days> for i64 {
    fn from(days: Days) -> Self {
        days.0.into()
    }
}
