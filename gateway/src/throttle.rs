//! Token buckets: per address for whoever is not known yet, then per client and per user by the client's plan. With
//! several gateways each gives out its share.

mod bucket;
mod buckets;
mod fields;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

pub use bucket::Rate;
use bucket::{Empty, Left};
use buckets::Buckets;
pub use fields::{Standing, of_part, policy};

use crate::{claims::Claims, connections::network, error::Refusal, gateways::Gateways, plans::Plans};

/// Callers of each kind that are remembered; who was idle is not among them. Some 20 MB if all are there.
const ROOM: usize = 200_000;

/// The buckets of everybody.
pub struct Throttle {
    addresses: Buckets,
    clients: Buckets,
    users: Buckets,
    gateways: Gateways,
    began: Instant,
}

impl Throttle {
    /// One of so many gateways.
    pub fn new(gateways: Gateways) -> Self {
        let [addresses, clients, users] = [(); 3].map(|()| Buckets::new(ROOM));
        Self { addresses, clients, users, gateways, began: Instant::now() }
    }

    /// For a request of somebody who is not known yet, by where it comes from.
    pub fn address(&self, rate: Option<Rate>, peer: Option<IpAddr>, standing: &mut Standing) -> Result<(), Refusal> {
        let (Some(rate), Some(peer)) = (rate, peer) else { return Ok(()) };
        standing.under(policy([("address", rate)]).as_ref());
        let taken = self.addresses.take(network(peer), &rate.share(self.gateways.count()), self.now());
        judge("address", taken, standing)
    }

    /// For a request of this caller. The user's limit comes first: who is beyond it takes nothing from others.
    pub fn caller(&self, plans: &Plans, claims: &Claims, standing: &mut Standing) -> Result<(), Refusal> {
        let Some(plan) = plans.of(&claims.plan) else { return Ok(()) };
        standing.under(plan.told.as_ref());
        let (gateways, now) = (self.gateways.count(), self.now());
        if let Some(rate) = plan.user {
            let whose = (&*claims.client, &*claims.subject);
            judge("user", self.users.take(whose, &rate.share(gateways), now), standing)?;
        }
        if let Some(rate) = plan.client {
            judge("client", self.clients.take(&*claims.client, &rate.share(gateways), now), standing)?;
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn judge(limit: &'static str, taken: Result<Left, Empty>, standing: &mut Standing) -> Result<(), Refusal> {
    match taken {
        Ok(left) => {
            standing.note(limit, left.requests, left.full_in);
            Ok(())
        }
        Err(Empty { again_in, full_in }) => {
            standing.note(limit, 0, full_in);
            metrics::counter!("gateway_rate_limited_total", "limit" => limit).increment(1);
            Err(Refusal::RateLimited { limit, again: again_in.max(Duration::from_millis(1)) })
        }
    }
}
