//! Faults as they are declared.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::routes::ROUTE;
use crate::problem::Problem;

const MOST: usize = 32;
const LONGEST_ROUTE: usize = 200;
const LONGEST_CODE: usize = 60;
const COUNT: u32 = 1_000_000;
const SECONDS: u32 = 3_600;
const MILLIS: u32 = 600_000;

/// All faults that there shall be, in place of those that there are. A request meets the first that fits.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    #[schema(max_items = 32)]
    faults: Vec<Fault>,
}

/// What goes wrong, where, and for how long: `count`, `seconds` or both must be said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Where: this path and all below it. What leads to the faults themselves is left alone.
    #[schema(example = "/v1/shipments", pattern = "^/v1(/[!-~]*)?$", max_length = 200)]
    pub route: String,
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub method: Option<FaultMethod>,
    pub effect: Effect,
    /// So many requests meet it, and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 1, maximum = 1_000_000, example = 3)]
    pub count: Option<u32>,
    /// It is over after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 1, maximum = 3600, example = 60)]
    pub seconds: Option<u32>,
    /// Which share of the requests meets it; all unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 0, maximum = 1, example = 0.5)]
    pub probability: Option<f64>,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FaultMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The request is answered so much later.
    Latency {
        #[schema(minimum = 1, maximum = 600_000, example = 500)]
        millis: u32,
    },
    /// It is answered with this status, and nothing is done.
    Fail {
        #[schema(minimum = 500, maximum = 599, example = 500)]
        status: u16,
    },
    /// It is not answered for ten minutes, and nothing is done.
    Hang {},
    /// The connection is closed without an answer, and nothing is done.
    Drop {},
    /// It is refused for a reason of business, and nothing is done.
    Refuse {
        /// 409 or 422.
        #[schema(minimum = 409, maximum = 422, example = 409)]
        status: u16,
        /// The problem's `code`.
        #[schema(example = "out_of_stock", pattern = "^[a-z0-9_]{1,60}$")]
        code: String,
    },
}

impl Declared {
    /// The faults, or a problem that names every field that is wrong.
    pub fn checked(self) -> Result<Vec<Fault>, Problem> {
        let mut wrong: Vec<(String, &'static str)> = Vec::new();
        if self.faults.len() > MOST {
            wrong.push(("faults".to_owned(), "must be 32 at the most"));
        }
        for (nth, fault) in self.faults.iter().enumerate() {
            wrong.extend(fault.wrong().into_iter().map(|(field, what)| (format!("faults[{nth}].{field}"), what)));
        }
        if wrong.is_empty() {
            return Ok(self.faults);
        }
        let title = "The body is not as the contract says";
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", title);
        Err(wrong.into_iter().fold(problem, |problem, (field, what)| problem.field(field, what)))
    }
}

impl Fault {
    fn wrong(&self) -> Vec<(&'static str, &'static str)> {
        let below = self.route.strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let plain = self.route.len() <= LONGEST_ROUTE && self.route.bytes().all(|b| b.is_ascii_graphic());
        let within = |number: Option<u32>, most| number.is_none_or(|it| (1..=most).contains(&it));
        let checks = [
            (below && plain, "route", "must be a path below /v1, without a query"),
            (!is_below(&self.route, ROUTE), "route", "the faults themselves are left alone"),
            (self.count.is_some() || self.seconds.is_some(), "count", "`count` or `seconds` must be said"),
            (within(self.count, COUNT), "count", "must be from 1 to 1000000"),
            (within(self.seconds, SECONDS), "seconds", "must be from 1 to 3600"),
            (self.probability.is_none_or(|it| it > 0.0 && it <= 1.0), "probability", "must be more than 0, up to 1"),
            (self.effect.is_possible(), "effect", "has a number or a code out of its bounds"),
        ];
        checks.into_iter().filter(|(fine, ..)| !fine).map(|(_, field, what)| (field, what)).collect()
    }

    /// Whether it is about such a request.
    pub fn fits(&self, method: &Method, path: &str) -> bool {
        let same = |it: FaultMethod| it.as_str() == method.as_str();
        self.method.is_none_or(same) && is_below(path, &self.route)
    }
}

/// Whether `path` is `place` or below it.
pub fn is_below(path: &str, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FaultMethod {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Effect {
    fn is_possible(&self) -> bool {
        let is_code = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        match self {
            Self::Latency { millis } => (1..=MILLIS).contains(millis),
            Self::Fail { status } => (500..=599).contains(status),
            Self::Hang {} | Self::Drop {} => true,
            Self::Refuse { status, code } => {
                matches!(status, 409 | 422) && (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_code)
            }
        }
    }

    /// What it is called in metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Fail { .. } => "fail",
            Self::Hang {} => "hang",
            Self::Drop {} => "drop",
            Self::Refuse { .. } => "refuse",
        }
    }
}
