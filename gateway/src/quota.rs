//! Daily quotas of plans, for all gateways together and beyond restarts: each leases a chunk of a client's day at a time,
//! in a NATS bucket on disk. While NATS is away requests pass on credit: the rate still holds, and who pays is served.

mod lease;

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use foldhash::HashMap;
use messaging::{NoTally, Standalone, Tallies};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    claims::Claims,
    day::{self, Day},
    error::Refusal,
    plans::Plan,
    throttle::{Near, Standing},
};
use lease::{Lease, Taken};

const BUCKET: &str = "quotas";
/// A day's books may be looked at on the next.
const FORGET: Duration = Duration::from_secs(2 * day::SECONDS);
/// Leases of days that are over are put away when there are so many.
const MANY: usize = 10_000;

/// The leases of all clients.
pub struct Quotas {
    books: Tallies,
    leases: RwLock<HashMap<Arc<str>, Arc<Client>>>,
    // What is asked for meanwhile outlives the request, and its runtime when the door closes.
    runtime: Handle,
}

#[derive(Default)]
struct Client {
    lease: Mutex<Lease>,
    // One asks for all.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Quotas {
    /// With the books that all gateways share. Within the runtime that lasts longest.
    pub fn new(nats: &Standalone) -> Self {
        Self { books: nats.tallies(BUCKET, FORGET), leases: RwLock::default(), runtime: Handle::current() }
    }

    /// For a request of this caller. Waits only when a chunk is used up faster than the next one comes.
    pub async fn take(
        self: &Arc<Self>,
        plan: Option<&Plan>,
        claims: &Claims,
        standing: &mut Standing,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(quota) = plan.and_then(|plan| plan.day) else { return Ok(()) };
        let today = Day::at(now);
        let (day, tomorrow) = (today.number, today.left(now));
        let client = self.client(&claims.client, day);
        let mut taken = client.take(day, quota.into(), now);
        if taken == Taken::Renew {
            // Seldom, and much larger than what every request has to keep in mind.
            taken = Box::pin(self.take_anew(&client, &claims.client, (day, quota.into()))).await;
        }
        match taken {
            Taken::Within { left } => {
                if client.with(Lease::runs_low) {
                    self.renew_meanwhile(client, &claims.client);
                }
                standing.note("day", left, tomorrow);
                Ok(())
            }
            Taken::Renew | Taken::Exhausted => {
                standing.note("day", 0, tomorrow);
                metrics::counter!("gateway_rate_limited_total", "limit" => "day").increment(1);
                Err(Refusal::QuotaExhausted { again: tomorrow })
            }
        }
    }

    async fn take_anew(&self, client: &Client, name: &str, (day, quota): (u64, u64)) -> Taken {
        let _turn = client.asking.lock().await;
        let mut taken = client.take(day, quota, Instant::now());
        // Others take from a new chunk without waiting in line.
        while taken == Taken::Renew {
            if let Err(error) = self.renew(client, name).await {
                tracing::warn!(%error, client = name, "a quota is given out on credit");
                metrics::counter!("gateway_quota_on_credit_total").increment(1);
                client.with(Lease::on_credit);
            }
            taken = client.take(day, quota, Instant::now());
        }
        taken
    }

    // Unless somebody is asking. Who needs a chunk while none can be had has credit; as long as one lasts nobody does.
    fn renew_meanwhile(self: &Arc<Self>, client: Arc<Client>, name: &Arc<str>) {
        let Ok(turn) = Arc::clone(&client.asking).try_lock_owned() else { return };
        let (quotas, name) = (Arc::clone(self), Arc::clone(name));
        self.runtime.spawn(async move {
            let _ = quotas.renew(&client, &name).await;
            drop(turn);
        });
    }

    async fn renew(&self, client: &Client, name: &str) -> Result<(), NoTally> {
        let (day, ask) = client.with(|lease| lease.ask());
        let books = self.books.change(&key(day, name), ask).await?;
        client.with(|lease| lease.renewed(day, books, Instant::now()));
        Ok(())
    }

    /// Which clients are near the end of their day.
    pub fn near(&self) -> Vec<Near> {
        let day = Day::at(Instant::now()).number;
        let leases = self.leases.read().unwrap_or_else(PoisonError::into_inner);
        let standing = leases.iter().filter_map(|(name, client)| Some((name, client.with(|it| it.standing(day))?)));
        let near = standing.filter(|(_, (left, of, _))| Near::is(*left, *of));
        near.map(|(name, (left, of, refused))| Near { limit: "day", who: name.to_string(), left, of, refused })
            .collect()
    }

    fn client(&self, name: &Arc<str>, day: u64) -> Arc<Client> {
        if let Some(known) = self.leases.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        let mut leases = self.leases.write().unwrap_or_else(PoisonError::into_inner);
        if leases.len() >= MANY {
            leases.retain(|_, client| client.with(|lease| lease.is_of(day)));
        }
        Arc::clone(leases.entry(Arc::clone(name)).or_default())
    }

    /// When all are answered, gives back what is left.
    pub async fn give_back(self: Arc<Self>, drained: CancellationToken) {
        drained.cancelled().await;
        let day = Day::at(Instant::now()).number;
        let leases = std::mem::take(&mut *self.leases.write().unwrap_or_else(PoisonError::into_inner));
        for (name, client) in leases {
            // What is being asked for meanwhile is given back as well.
            let _turn = client.asking.lock().await;
            let Some((add, off)) = client.with(|lease| lease.give_back(day)) else { continue };
            let back = self.books.change(&key(day, &name), move |used| (used + add).saturating_sub(off)).await;
            if let Err(error) = back {
                tracing::warn!(%error, client = &*name, "a chunk of a quota is lost");
                return;
            }
        }
    }
}

impl Client {
    fn take(&self, day: u64, quota: u64, now: Instant) -> Taken {
        self.with(|lease| lease.take(day, quota, now))
    }

    // A lease is whole after every call.
    fn with<T>(&self, f: impl FnOnce(&mut Lease) -> T) -> T {
        f(&mut self.lease.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// Of whatever letters a client's name is made, and if it has none.
fn key(day: u64, client: &str) -> String {
    format!("{day}.client-{}", hex::encode(client))
}
