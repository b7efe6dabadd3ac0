//! Plans: how much the clients of each may ask for. auth keeps each client's plan and puts it into tokens.

use std::collections::BTreeMap;

use http::HeaderValue;
use serde::Deserialize;

use crate::{
    policies::Within,
    throttle::{Rate, policy},
};

/// Whoever has a plan that is not declared has this one.
const LEAST: &str = "free";
const DAY: u32 = 86_400;

/// A section `[plan.…]`. What it does not name is not bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Section")]
pub struct Plan {
    /// All requests of a client.
    pub client: Option<Rate>,
    /// Those for one of its users.
    pub user: Option<Rate>,
    /// Of a client on one day, by UTC.
    pub day: Option<u32>,
    /// As callers are told.
    pub told: Option<HeaderValue>,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    client: Option<Rate>,
    user: Option<Rate>,
    day: Option<Within<1, 1_000_000_000>>,
}

impl From<Section> for Plan {
    fn from(section: Section) -> Self {
        Self::new(section.client, section.user, section.day.map(Within::get))
    }
}

impl Plan {
    /// With these limits.
    pub fn new(client: Option<Rate>, user: Option<Rate>, day: Option<u32>) -> Self {
        let daily = day.map(|requests| Rate { requests, seconds: DAY });
        let limits = [("client", client), ("user", user), ("day", daily)];
        let told = policy(limits.into_iter().filter_map(|(name, rate)| Some((name, rate?))));
        Self { client, user, day, told }
    }
}

/// Every plan, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Plans(BTreeMap<String, Plan>);

impl Plans {
    /// All that are declared, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Plan)> {
        self.0.iter().map(|(name, plan)| (name.as_str(), plan))
    }

    /// The plan of this name, or `free`. None: nothing is bounded.
    pub fn of(&self, name: &str) -> Option<&Plan> {
        self.0.get(name).or_else(|| self.0.get(LEAST))
    }
}

impl<const N: usize> From<[(&str, Plan); N]> for Plans {
    fn from(plans: [(&str, Plan); N]) -> Self {
        Self(plans.into_iter().map(|(name, plan)| (name.to_owned(), plan)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_is_not_declared_is_free() {
        let plan = |requests| Plan::new(Some(Rate { requests, seconds: 1 }), None, None);
        let plans = Plans::from([("free", plan(1)), ("partner", plan(2))]);
        let requests = |name| plans.of(name).and_then(|plan| plan.client).map(|rate| rate.requests);
        assert_eq!(["free", "partner", "", "gold"].map(requests), [Some(1), Some(2), Some(1), Some(1)]);
        assert_eq!(Plans::default().of("free"), None);
    }

    #[test]
    fn the_order_service_is_not_bounded() {
        let plans = crate::policies::Policies::standard().plans;
        assert_eq!(plans.of("internal"), Some(&Plan::default()));
        assert!(plans.of("free").unwrap().told.is_some());
    }
}
