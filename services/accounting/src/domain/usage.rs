//! What clients used: the calls that gateways metered, totalled by month, and what they cost.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use contracts::{Currency, Money, MoneyError, gateway::CallsMetered};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A month of the calendar, by UTC, e.g. `2026-11`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(String);

/// Not a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a month as in 2026-11")]
pub struct InvalidMonth;

impl Month {
    /// The one that a moment lies in.
    pub fn of(at: OffsetDateTime) -> Self {
        let at = at.to_offset(time::UtcOffset::UTC);
        Self(format!("{:04}-{:02}", at.year(), u8::from(at.month())))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let is_month = month.parse::<u8>().is_ok_and(|month| (1..=12).contains(&month));
        if digits(year, 4) && digits(month, 2) && is_month { Ok(Self(text.to_owned())) } else { Err(InvalidMonth) }
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client used in a month, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageStatement {
    #[schema(example = "reporting")]
    pub client_id: String,
    #[schema(value_type = String, example = "2026-11")]
    pub month: Month,
    /// All calls that the gateways answered.
    #[schema(minimum = 0)]
    pub calls: i64,
    /// Those that are paid for: neither failed by us (5xx) nor refused for being too many (429).
    #[schema(minimum = 0)]
    pub billable_calls: i64,
    /// By the price of the plan per 1000 calls, rounded half up for each plan.
    pub amount: Money,
    pub lines: Vec<UsageLine>,
}

/// Calls of one plan, route and class of status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageLine {
    #[schema(example = "partner")]
    pub plan: String,
    /// The gateway's, by its path.
    #[schema(example = "/api/store/v1/")]
    pub route: String,
    /// First digit of the status.
    #[schema(minimum = 1, maximum = 5, example = 2)]
    pub status_class: i16,
    #[schema(minimum = 0)]
    pub calls: i64,
    #[schema(minimum = 0)]
    pub billable_calls: i64,
}

impl UsageStatement {
    /// Of all that a client used in a month.
    pub fn of(client_id: String, month: Month, lines: Vec<UsageLine>) -> Result<Self, MoneyError> {
        let mut by_plan: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &lines {
            *by_plan.entry(&line.plan).or_default() += line.billable_calls;
        }
        let amounts: Result<Vec<_>, _> = by_plan.into_iter().map(|(plan, calls)| cost(plan, calls)).collect();
        Ok(Self {
            client_id,
            month,
            calls: lines.iter().map(|line| line.calls).sum(),
            billable_calls: lines.iter().map(|line| line.billable_calls).sum(),
            amount: Money::sum(CURRENCY, amounts?)?,
            lines,
        })
    }
}

const CURRENCY: Currency = Currency::Eur;

/// What 1000 calls cost. Only partners pay.
pub fn price_per_thousand(plan: &str) -> Money {
    Money::new(if plan == "partner" { 50 } else { 0 }, CURRENCY)
}

fn cost(plan: &str, calls: i64) -> Result<Money, MoneyError> {
    let thousandfold = price_per_thousand(plan).times(calls)?;
    Ok(Money::new(thousandfold.amount / 1_000 + i64::from(thousandfold.amount % 1_000 >= 500), CURRENCY))
}

/// Whether a call that was answered with this status is paid for.
pub const fn is_billable(status: u16) -> bool {
    status < 500 && status != 429
}

/// The lines that an announcement adds to, in a fixed order. Calls without a count or with no status of HTTP are none.
pub fn metered(event: &CallsMetered) -> Vec<UsageLine> {
    let mut lines: BTreeMap<(&str, i16), (i64, i64)> = BTreeMap::new();
    for it in event.calls.iter().filter(|it| it.count > 0 && (100..600).contains(&it.status)) {
        let class = i16::try_from(it.status / 100).unwrap_or_default();
        let count = i64::from(it.count);
        let (calls, billable) = lines.entry((&it.route, class)).or_default();
        *calls += count;
        *billable += if is_billable(it.status) { count } else { 0 };
    }
    let line = |((route, status_class), (calls, billable_calls)): ((&str, i16), (i64, i64))| UsageLine {
        plan: event.plan.clone(),
        route: route.to_owned(),
        status_class,
        calls,
        billable_calls,
    };
    lines.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use contracts::gateway::MeteredCalls;
    use proptest::prelude::*;

    use super::*;

    fn event(calls: &[(&str, u16, u32)]) -> CallsMetered {
        let calls = calls.iter().map(|(route, status, count)| {
            let route = (*route).to_owned();
            MeteredCalls { route, status: *status, count: *count }
        });
        CallsMetered {
            client_id: "reporting".to_owned(),
            plan: "partner".to_owned(),
            gateway: uuid::Uuid::nil(),
            since: OffsetDateTime::UNIX_EPOCH,
            until: OffsetDateTime::UNIX_EPOCH,
            calls: calls.collect(),
        }
    }

    #[test]
    fn calls_are_totalled_by_route_and_class_and_some_are_free() {
        let lines =
            metered(&event(&[("/b/", 200, 5), ("/a/", 404, 1), ("/a/", 429, 2), ("/a/", 400, 3), ("/a/", 503, 4)]));
        let lines: Vec<_> =
            lines.iter().map(|it| (it.route.as_str(), it.status_class, it.calls, it.billable_calls)).collect();
        assert_eq!(lines, [("/a/", 4, 6, 4), ("/a/", 5, 4, 0), ("/b/", 2, 5, 5)]);
    }

    #[test]
    fn what_is_no_call_is_left_out() {
        assert!(metered(&event(&[("/a/", 200, 0), ("/a/", 99, 1), ("/a/", 600, 1)])).is_empty());
    }

    #[test]
    fn each_plan_has_its_price_and_is_rounded_once() {
        let line = |plan: &str, billable_calls| UsageLine {
            plan: plan.to_owned(),
            route: "/a/".to_owned(),
            status_class: 2,
            calls: billable_calls,
            billable_calls,
        };
        let amount = |lines| UsageStatement::of("x".into(), "2026-11".parse().unwrap(), lines).unwrap().amount.amount;
        assert_eq!(amount(vec![line("partner", 9)]), 0);
        assert_eq!(amount(vec![line("partner", 10)]), 1);
        assert_eq!(amount(vec![line("partner", 5), line("partner", 5), line("free", 1_000_000)]), 1);
        assert_eq!(amount(vec![line("partner", 20_000), line("internal", 7)]), 1_000);
    }

    #[test]
    fn a_month_is_written_in_one_way() {
        for bad in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "2026-+1", "२०२६-११"]
        {
            assert_eq!(bad.parse::<Month>(), Err(InvalidMonth), "{bad}");
        }
        let late = time::macros::datetime!(2026-11-30 23:30 -1);
        assert_eq!(Month::of(late).as_str(), "2026-12");
    }

    proptest! {
        #[test]
        fn no_call_is_lost_and_none_is_paid_for_twice(
            calls in prop::collection::vec((0..3_usize, 100_u16..600, 1_u32..1_000), 0..50),
        ) {
            let calls: Vec<_> = calls.into_iter().map(|(nth, status, count)| (["/a/", "/b/", "/c/"][nth], status, count)).collect();
            let lines = metered(&event(&calls));
            let all: i64 = calls.iter().map(|(.., count)| i64::from(*count)).sum();
            prop_assert_eq!(lines.iter().map(|it| it.calls).sum::<i64>(), all);
            prop_assert!(lines.iter().all(|it| (0..=it.calls).contains(&it.billable_calls)));
        }
    }
}
