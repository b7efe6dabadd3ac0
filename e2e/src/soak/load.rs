//! Callers who come at a steady rate, whether those before them were answered or not: most look at the catalogue, some ask
//! what shipping costs, a few buy. Some wait for long and some do not.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::json;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, interval, timeout},
};

use crate::shopper::{Purchase, Shopper};

/// What is bought, and so has to be on the shelf.
pub const SKUS: [&str; 4] = ["MUG-BLUE", "MUG-GREEN", "NOTEBOOK-DOT", "BOWL-ASH"];
const USERS: [&str; 3] = ["alice", "bob", "carol"];
const MINE: [&str; 3] = ["order/v1/orders", "accounting/v1/payments", "shipping/v1/shipments"];
/// After this everybody logs in again, with new connections.
const SESSION: Duration = Duration::from_mins(1);
const PATIENT: Duration = Duration::from_secs(10);
const IMPATIENT: Duration = Duration::from_secs(1);

/// How many were told what.
pub type Told = BTreeMap<String, u64>;

/// A load that goes on.
pub struct Load {
    callers: Arc<Callers>,
    pace: JoinHandle<()>,
}

struct Callers {
    public_url: String,
    stop: AtomicBool,
    sessions: Mutex<Vec<Shopper>>,
    told: Mutex<Told>,
    under_way: AtomicUsize,
}

/// What somebody wants.
struct Errand {
    what: What,
    sku: &'static str,
    country: &'static str,
    accept: &'static str,
    encoding: &'static str,
    patience: Duration,
}

enum What {
    Browse(u8),
    Look,
    Page,
    Stock,
    Mine(&'static str),
    Quote,
    Buy,
}

impl Load {
    /// So many in a second, until the end.
    pub async fn begin(public_url: &str, rate: u32, seed: u64) -> Result<Self> {
        let sessions = Mutex::new(log_in(public_url).await?);
        let (stop, under_way, told) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::default());
        let callers = Arc::new(Callers { public_url: public_url.to_owned(), stop, sessions, told, under_way });
        let pace = tokio::spawn(Arc::clone(&callers).come(rate, StdRng::seed_from_u64(seed)));
        Ok(Self { callers, pace })
    }

    /// Callers who wait for an answer.
    pub fn under_way(&self) -> usize {
        self.callers.under_way.load(Relaxed)
    }

    /// How many were told what so far.
    pub fn told(&self) -> Told {
        self.callers.told().clone()
    }

    /// Nobody comes any more, and those who wait are waited for.
    pub async fn end(self) -> Result<Told> {
        self.callers.stop.store(true, Relaxed);
        self.pace.await?;
        Ok(std::mem::take(&mut *self.callers.told()))
    }
}

async fn log_in(public_url: &str) -> Result<Vec<Shopper>> {
    let mut sessions = Vec::new();
    for user in USERS {
        sessions.push(Shopper::log_in(public_url, user).await.with_context(|| format!("{user} cannot log in"))?);
    }
    Ok(sessions)
}

impl Callers {
    async fn come(self: Arc<Self>, rate: u32, mut random: StdRng) {
        // Those that could not come in time come all at once.
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        let (mut errands, mut since) = (JoinSet::new(), Instant::now());
        while !self.stop.load(Relaxed) {
            ticks.tick().await;
            if since.elapsed() > SESSION {
                since = Instant::now();
                errands.spawn(Arc::clone(&self).renew());
            }
            let errand = Errand::random(&mut random);
            let caller = self.sessions().choose(&mut random).cloned();
            if let Some(caller) = caller {
                errands.spawn(Arc::clone(&self).go(caller, errand));
            }
            while errands.try_join_next().is_some() {}
        }
        while errands.join_next().await.is_some() {}
        self.sessions().clear();
    }

    // Those who cannot log in now go on as before.
    async fn renew(self: Arc<Self>) {
        if let Ok(sessions) = log_in(&self.public_url).await {
            *self.sessions() = sessions;
        }
    }

    async fn go(self: Arc<Self>, caller: Shopper, errand: Errand) {
        self.under_way.fetch_add(1, Relaxed);
        let told = match timeout(errand.patience, errand.run(&caller)).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => "broken off".to_owned(),
            Err(_) => "went away".to_owned(),
        };
        *self.told().entry(told).or_default() += 1;
        self.under_way.fetch_sub(1, Relaxed);
    }

    // Whole after every statement, as the other.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Shopper>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Errand {
    fn random(random: &mut StdRng) -> Self {
        let what = match random.random_range(0..100) {
            0..40 => What::Browse(random.random_range(1..=50)),
            40..55 => What::Look,
            55..70 => What::Page,
            70..80 => What::Stock,
            80..86 => What::Mine(MINE.choose(random).copied().unwrap_or_default()),
            86..98 => What::Quote,
            _ => What::Buy,
        };
        let one_of = |random: &mut StdRng, from: &[&'static str]| from.choose(random).copied().unwrap_or_default();
        Self {
            what,
            sku: one_of(random, &SKUS),
            country: one_of(random, &["DE", "AT", "FR", "PL"]),
            accept: one_of(random, &["application/json", "application/json", "application/xml", "application/cbor"]),
            encoding: one_of(random, &["identity", "identity", "gzip", "br", "zstd"]),
            patience: if random.random_bool(0.2) { IMPATIENT } else { PATIENT },
        }
    }

    /// What the caller is told: the status, and which problem.
    async fn run(&self, caller: &Shopper) -> Result<String> {
        let Self { sku, country, .. } = self;
        let headers = [("accept", self.accept), ("accept-encoding", self.encoding)];
        let path = match self.what {
            What::Browse(limit) => format!("/api/store/v1/products?limit={limit}"),
            What::Look => format!("/api/store/v1/products/{sku}"),
            What::Page => format!("/api/shop/v1/products/{sku}/page?country={country}"),
            What::Stock => format!("/api/inventory/v1/stock/{sku}"),
            What::Mine(what) => format!("/api/{what}?limit=5"),
            What::Quote | What::Buy => "/api/shipping/v1/quotes".to_owned(),
        };
        let purchase = Purchase::of(sku).to(country);
        let answer = match self.what {
            What::Buy => {
                return Ok(buy(caller, &purchase).await.map_or("no order".to_owned(), |()| "order".to_owned()));
            }
            What::Quote => {
                let parcel = json!({"to": purchase.ship_to(), "weight_grams": 800});
                caller.send(Method::POST, &path, Some(parcel), &headers).await?
            }
            _ => caller.send(Method::GET, &path, None, &headers).await?,
        };
        let code = answer.body["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        Ok(format!("{}{code}", answer.status.as_u16()))
    }
}

async fn buy(caller: &Shopper, purchase: &Purchase) -> Result<()> {
    let order = caller.order_for(&caller.fill_cart(purchase).await?, purchase).await?;
    caller.place(order).await?.expect(202)?;
    Ok(())
}
