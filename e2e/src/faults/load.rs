//! Who uses the suite while it is broken: shoppers who buy with every means of payment, cancel, and insist; a clerk who
//! sends parcels.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;
use tokio::time::sleep;
use uuid::Builder;

use super::{
    client::Client,
    history::{History, Outcome},
};
use crate::shopper::Purchase;

/// What is bought, and so has to be on the shelf.
pub const SKUS: [&str; 4] = ["MUG-BLUE", "MUG-GREEN", "NOTEBOOK-DOT", "BOWL-ASH"];
const USERS: [&str; 3] = ["alice", "bob", "carol"];
/// How often somebody insists on an answer, and how often somebody looks.
const INSISTS: usize = 12;
const LOOKS: usize = 60;
const PAUSE: Duration = Duration::from_millis(300);

/// One shopper with a clerk at hand.
pub struct Shopping {
    shopper: Client,
    clerk: Client,
    random: StdRng,
    stop: Arc<AtomicBool>,
}

impl Shopping {
    /// The `nr`th shopper; what it wants is decided by the seed.
    pub fn new(nr: usize, seed: u64, public_url: &str, history: &Arc<History>, stop: &Arc<AtomicBool>) -> Self {
        let shopper = Client::new(nr, USERS[nr % USERS.len()], public_url, history);
        let clerk = Client::new(nr, "sam", public_url, history);
        let random = StdRng::seed_from_u64(seed.wrapping_add(nr as u64).wrapping_mul(0x2545_F491_4F6C_DD1D));
        Self { shopper, clerk, random, stop: stop.clone() }
    }

    /// Buys until told to stop.
    pub async fn run(mut self) {
        while !self.stopped() {
            if self.shop().await.is_none() {
                sleep(PAUSE).await;
            }
        }
    }

    async fn shop(&mut self) -> Option<()> {
        let purchase = self.purchase();
        let order = self.shopper.attempt(async |it| it.order_for(&it.fill_cart(&purchase).await?, &purchase).await);
        let order = order.await?;
        let key = Builder::from_random_bytes(self.random.random()).into_uuid().to_string();
        let id = self.insist(&key, &order).await?;
        if self.random.random_bool(0.2) {
            self.insist(&key, &order).await;
        }
        if self.random.random_bool(0.1) {
            // Too early, as a rule.
            self.cancel(&id).await;
        }
        if self.follow(&id).await? == "confirmed" {
            self.afterwards(&id).await;
        }
        Some(())
    }

    async fn afterwards(&mut self, id: &str) {
        let deliver = self.random.random_bool(0.5);
        match self.random.random_range(0..10) {
            0..3 => self.cancel(id).await,
            3..6 => self.send(id, deliver).await,
            6..8 => {
                let parcel = format!("/api/shipping/v1/shipments/{id}/dispatch");
                let cancellation = format!("/api/order/v1/orders/{id}/cancellation");
                tokio::join!(
                    self.shopper.change("cancel", id, &cancellation),
                    self.clerk.change("dispatch", id, &parcel)
                );
            }
            _ => return,
        }
        self.follow(id).await;
    }

    /// Asks with the same key until there is an answer.
    async fn insist(&mut self, key: &str, order: &Value) -> Option<String> {
        for _ in 0..INSISTS {
            match self.shopper.place(key, order).await {
                (Outcome::Ok, id) => return id,
                (Outcome::Fail, _) => return None,
                (Outcome::Unknown, _) => sleep(PAUSE).await,
            }
        }
        None
    }

    /// Looks until no saga goes on; the last state that was seen.
    async fn follow(&mut self, id: &str) -> Option<String> {
        let mut last = None;
        for _ in 0..LOOKS {
            last = self.shopper.see(id).await.or(last);
            if self.stopped() || last.as_deref().is_some_and(|state| !matches!(state, "pending" | "cancelling")) {
                break;
            }
            sleep(PAUSE).await;
        }
        last
    }

    async fn cancel(&mut self, id: &str) {
        self.shopper.change("cancel", id, &format!("/api/order/v1/orders/{id}/cancellation")).await;
    }

    async fn send(&mut self, id: &str, deliver: bool) {
        for (operation, wanted) in [("dispatch", true), ("deliver", deliver)] {
            let path = format!("/api/shipping/v1/shipments/{id}/{operation}");
            for _ in 0..INSISTS {
                // Refused while the parcel is not prepared, which an event does.
                if !wanted || self.clerk.change(operation, id, &path).await == Outcome::Ok {
                    break;
                }
                sleep(PAUSE).await;
            }
        }
    }

    fn purchase(&mut self) -> Purchase {
        let random = &mut self.random;
        let sku = if random.random_bool(0.03) { "CLOCK-SUN" } else { SKUS.choose(random).copied().unwrap_or_default() };
        let method = match random.random_range(0..100) {
            0..58 => "tok_ok",
            58..64 => "tok_declined",
            64..68 => "tok_insufficient_funds",
            68..78 => "tok_capture_declined",
            78..88 => "tok_slow",
            88..91 => "tok_silent_once",
            91..93 => "tok_silent",
            _ => "tok_on_account",
        };
        Purchase { lines: vec![(sku.to_owned(), random.random_range(1..4))], ..Purchase::default() }.paid_with(method)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
