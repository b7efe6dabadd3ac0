//! What callers may ask for, and who is near that.

use metrics::gauge;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    plans::Plan,
    throttle::{Near, Rate, Remembered},
};

/// So many are shown of those who are near a limit.
const SHOWN: usize = 50;
const LIMITS: [&str; 4] = ["address", "user", "client", "day"];

/// What callers may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Callers {
    /// Gateways that give out together what stands here.
    #[schema(minimum = 1, example = 1)]
    gateways: u32,
    /// By name. Whoever has another one is treated as `free`.
    plans: Vec<PlanStatus>,
    /// For each address, of what cannot be laid to a client. Absent: not bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    address: Option<Rate>,
    remembered: Remembered,
    /// Who has less than a fifth left of a limit: who has least of it first, 50 at the most.
    #[schema(max_items = 50)]
    near: Vec<Near>,
    #[serde(skip)]
    #[schema(ignore)]
    near_by_limit: [usize; LIMITS.len()],
}

/// A plan. What is absent is not bounded.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanStatus {
    #[schema(example = "partner")]
    name: String,
    /// For all requests of a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    client: Option<Rate>,
    /// For each of its users.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    user: Option<Rate>,
    /// Requests of a client on one day, by UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, minimum = 1, example = 500_000)]
    day: Option<u32>,
}

impl Callers {
    /// As it stands now.
    pub fn of(app: &App) -> Self {
        let policies = app.policies.load();
        let mut near = app.throttle.near();
        near.extend(app.quotas.near());
        let near_by_limit = LIMITS.map(|limit| near.iter().filter(|it| it.limit == limit).count());
        near.sort_by(|one, other| {
            (one.left * other.of).cmp(&(other.left * one.of)).then(other.refused.cmp(&one.refused))
        });
        near.truncate(SHOWN);
        Self {
            gateways: app.throttle.gateways(),
            plans: policies.plans.all().map(|(name, plan)| PlanStatus::of(name, plan)).collect(),
            address: policies.addresses,
            remembered: app.throttle.remembered(),
            near,
            near_by_limit,
        }
    }

    /// The same as metrics.
    #[allow(clippy::cast_precision_loss)] // numbers of callers
    pub fn show(&self) {
        for (limit, count) in LIMITS.into_iter().zip(self.near_by_limit) {
            gauge!("gateway_callers_near_limit", "limit" => limit).set(count as f64);
        }
        let Remembered { addresses, clients, users, .. } = self.remembered;
        for (kind, count) in [("address", addresses), ("client", clients), ("user", users)] {
            gauge!("gateway_callers_remembered", "limit" => kind).set(count as f64);
        }
    }
}

impl PlanStatus {
    fn of(name: &str, plan: &Plan) -> Self {
        Self { name: name.to_owned(), client: plan.client, user: plan.user, day: plan.day }
    }
}
