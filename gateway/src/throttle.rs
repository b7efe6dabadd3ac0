//! Token buckets: per address for whoever is not known yet, then per client and per user by the client's plan. With
//! several gateways each gives out its share.

mod bucket;
mod buckets;
mod fields;
mod near;

use std::{
    hash::RandomState,
    net::IpAddr,
    time::{Duration, Instant},
};

pub use bucket::Rate;
use bucket::{Empty, Left, Share};
use buckets::Buckets;
pub use fields::{Standing, of_part, policy};
pub use near::Near;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{claims::Claims, connections::network, error::Refusal, gateways::Gateways, plans::Plan};

/// Callers of each kind that are remembered; who was idle is not among them. Some 20 MB if all are there.
const ROOM: usize = 200_000;

/// The buckets of everybody.
pub struct Throttle {
    addresses: Buckets<RandomState>,
    // Nobody chooses what auth calls them, so a hash that is fast will do.
    clients: Buckets<foldhash::quality::RandomState>,
    users: Buckets<foldhash::quality::RandomState>,
    near: near::All,
    gateways: Gateways,
    began: Instant,
}

impl Throttle {
    /// One of so many gateways.
    pub fn new(gateways: Gateways) -> Self {
        let (addresses, clients, users) = (Buckets::new(ROOM), Buckets::new(ROOM), Buckets::new(ROOM));
        Self { addresses, clients, users, near: near::All::default(), gateways, began: Instant::now() }
    }

    /// For a request of somebody who is not known yet, by where it comes from.
    pub fn address(&self, rate: Option<Rate>, peer: Option<IpAddr>, standing: &mut Standing) -> Result<(), Refusal> {
        let (Some(rate), Some(peer)) = (rate, peer) else { return Ok(()) };
        standing.under(policy([("address", rate)]).as_ref());
        let (share, network) = (rate.share(self.gateways.count()), network(peer));
        let taken = self.addresses.take(network, &share, self.at(Instant::now()));
        self.judge(("address", &|| network.to_string()), &share, taken, standing)
    }

    /// For a request of this caller. The user's limit comes first: who is beyond it takes nothing from others.
    pub fn caller(
        &self,
        plan: Option<&Plan>,
        claims: &Claims,
        standing: &mut Standing,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(plan) = plan else { return Ok(()) };
        standing.under(plan.told.as_ref());
        let (gateways, now) = (self.gateways.count(), self.at(now));
        if let Some(rate) = plan.user {
            let whose = (&*claims.client, &*claims.subject);
            let share = rate.share(gateways);
            let who = || format!("{} {}", claims.client, claims.subject);
            self.judge(("user", &who), &share, self.users.take(whose, &share, now), standing)?;
        }
        if let Some(rate) = plan.client {
            let share = rate.share(gateways);
            let taken = self.clients.take(&*claims.client, &share, now);
            self.judge(("client", &|| claims.client.to_string()), &share, taken, standing)?;
        }
        Ok(())
    }

    /// Of how many something is remembered.
    pub fn remembered(&self) -> Remembered {
        let (addresses, clients, users) = (self.addresses.len(), self.clients.len(), self.users.len());
        Remembered { addresses, clients, users, room: ROOM }
    }

    /// Who is near a limit of requests in a time.
    pub fn near(&self) -> Vec<Near> {
        self.near.now(Instant::now())
    }

    /// That give out the limits together.
    pub fn gateways(&self) -> u32 {
        self.gateways.count()
    }

    // In nanoseconds; five hundred years of them.
    fn at(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
    }

    fn judge(
        &self,
        (limit, who): (&'static str, &dyn Fn() -> String),
        share: &Share,
        taken: Result<Left, Empty>,
        standing: &mut Standing,
    ) -> Result<(), Refusal> {
        match taken {
            Ok(left) => {
                standing.note(limit, left.requests, left.full_in);
                if Near::is(left.requests, share.requests()) {
                    self.near.note(limit, who, (share, left.full_in), false, Instant::now());
                }
                Ok(())
            }
            Err(Empty { again_in, full_in }) => {
                standing.note(limit, 0, full_in);
                self.near.note(limit, who, (share, full_in), true, Instant::now());
                metrics::counter!("gateway_rate_limited_total", "limit" => limit).increment(1);
                Err(Refusal::RateLimited { limit, again: again_in.max(Duration::from_millis(1)) })
            }
        }
    }
}

/// Of how many callers it is remembered what they asked for lately; who asked for nothing need not be.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Remembered {
    #[schema(minimum = 0, example = 37)]
    pub addresses: usize,
    #[schema(minimum = 0, example = 3)]
    pub clients: usize,
    #[schema(minimum = 0, example = 120)]
    pub users: usize,
    /// The most of each kind. Beyond it some are taken for idle who were not.
    #[schema(minimum = 1, example = 200_000)]
    pub room: usize,
}
