//! Keeps the sagas going: those begun here at once, those left over by others when they are due, so many at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::OrderId;
use database::{Result, within};
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::{
    cancellation::CANCELLATION,
    checkout::CHECKOUT,
    db::{orders, sagas},
    domain::Order,
    saga::{
        Saga,
        held::Held,
        watchers::Watchers,
        worker::{Rest, Worker},
    },
};

/// The sagas there are.
pub const SAGAS: &[&Saga<Order>] = &[&CHECKOUT, &CANCELLATION];

/// The saga of this name.
pub fn named(name: &str) -> Option<&'static Saga<Order>> {
    SAGAS.iter().copied().find(|saga| saga.name == name)
}

/// Keeps the sagas going. Cheap to clone.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    worker: Worker,
    places: Semaphore,
    poll: Duration,
    tasks: TaskTracker,
}

impl Runner {
    /// Works on up to `places` sagas at a time and looks every `poll` for what others left over.
    pub fn new(worker: Worker, places: usize, poll: Duration) -> Self {
        let tasks = TaskTracker::new();
        Self(Arc::new(Inner { worker, places: Semaphore::new(places), poll, tasks }))
    }

    /// Who is told what happens.
    pub fn watchers(&self) -> &Watchers {
        &self.0.worker.watchers
    }

    /// Who this instance is, and for how long what it begins is its own.
    pub fn holder(&self) -> (&str, Duration) {
        (&self.0.worker.instance, self.0.worker.lease)
    }

    /// Works on a saga that this instance holds, as soon as there is a place.
    pub fn start(&self, taken: &sagas::Taken, order: Order) {
        let Some(held) = named(&taken.name).and_then(|saga| Held::new(saga, taken, order)) else {
            // Begun by a newer version: left to an instance that knows the step.
            tracing::error!(order_id = %taken.order_id, saga = taken.name, standing = ?taken.standing, "unknown step");
            return;
        };
        let span = tracing::info_span!("saga", order_id = %taken.order_id, saga = taken.name);
        let (this, id, name) = (self.clone(), taken.order_id, held.saga.name);
        self.0.tasks.spawn(async move { this.work(held, id, name).await }.instrument(span));
    }

    /// Looks for due sagas until told to stop, then waits for the calls in flight.
    pub async fn run(self) {
        let stop = self.0.worker.stop.clone();
        while !stop.is_cancelled() {
            if let Err(error) = self.take_due().await {
                tracing::warn!(%error, "cannot look for due sagas");
            }
            tokio::select! {
                () = sleep(self.0.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn work(&self, held: Held, id: OrderId, name: &'static str) {
        // Boxed, so that the many that wait to ask again are small.
        match Box::pin(self.in_turn(held)).await {
            Ok(Rest::For(delay)) => self.retake_later(id, name, delay).await,
            Ok(Rest::Lost) => tracing::warn!("another instance has taken the saga"),
            Ok(Rest::Ended | Rest::Stopping | Rest::ForTurn(_)) => {}
            // The lease runs out, and whoever looks then goes on with what was saved.
            Err(error) => tracing::warn!(%error, "cannot save the saga"),
        }
    }

    /// Takes a place among the sagas that are worked on, and gives it to another while it waits for its turn to call a
    /// participant: one that hangs must not hold up those who do not need it.
    async fn in_turn(&self, mut held: Held) -> Result<Rest> {
        let (worker, mut turn) = (&self.0.worker, None);
        loop {
            let Ok(place) = self.0.places.acquire().await else { return Ok(Rest::Stopping) };
            let rest = worker.work(&mut held, turn.take()).await?;
            drop(place);
            let Rest::ForTurn(service) = rest else { return Ok(rest) };
            let queued = metrics::gauge!("saga_queued", "participant" => service);
            queued.increment(1.0);
            let waited = worker.wait_for_turn(&mut held, service).await;
            queued.decrement(1.0);
            turn = waited?;
        }
    }

    /// Goes on after the delay, unless another instance was faster or this one stops.
    async fn retake_later(&self, id: OrderId, name: &'static str, delay: Duration) {
        tokio::select! {
            () = sleep(delay) => {}
            () = self.0.worker.stop.cancelled() => return,
        }
        if let Err(error) = self.retake(id, name).await {
            tracing::warn!(%error, "cannot take the saga again");
        }
    }

    async fn retake(&self, id: OrderId, name: &str) -> Result<()> {
        let worker = &self.0.worker;
        let take = async {
            let mut db = worker.pool.single("take saga again").await?;
            sagas::take_one(&mut db, id, name, &worker.instance, worker.lease).await
        };
        let Some(taken) = within(take).await? else { return Ok(()) };
        let order = within(async { orders::find_order(&mut *worker.pool.get().await?, id, None).await }).await?;
        if let Some(order) = order {
            self.start(&taken, order);
        }
        Ok(())
    }

    async fn take_due(&self) -> Result<()> {
        let worker = &self.0.worker;
        let free = i64::try_from(self.0.places.available_permits()).unwrap_or(i64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("saga_stuck").set(self.count_stuck().await? as f64);
        if free == 0 {
            return Ok(());
        }
        // What a newer version has begun is left to an instance that knows it.
        let names: Vec<_> = SAGAS.iter().map(|saga| saga.name.to_owned()).collect();
        let take = async {
            let mut db = worker.pool.single("take due sagas").await?;
            sagas::take_due(&mut db, &names, &worker.instance, worker.lease, free).await
        };
        let due = within(take).await?;
        if due.is_empty() {
            return Ok(());
        }
        // Not in the statement that takes the sagas: it would see the orders as they were when it began, and a saga that
        // another instance has let go of in between would be worked on without what that one had learned.
        let ids: Vec<_> = due.iter().map(|taken| taken.order_id).collect();
        let orders = within(async { orders::find_orders(&mut *worker.pool.get().await?, &ids).await }).await?;
        let mut orders: HashMap<_, _> = orders.into_iter().map(|order| (order.id, order)).collect();
        for taken in due {
            // An order has two sagas at the most, and never both at a time.
            if let Some(order) = orders.remove(&taken.order_id) {
                self.start(&taken, order);
            }
        }
        Ok(())
    }

    async fn count_stuck(&self) -> Result<i64> {
        within(async { sagas::count_stuck(&mut *self.0.worker.pool.get().await?).await }).await
    }
}
