//! A service that announces stock and one that reacts to it, in one database each, on one NATS server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_nats::jetstream::{self, consumer::PullConsumer};
use contracts::{Sku, inventory::StockChanged};
use database::Pool;
use messaging::{Bus, Subscriptions};
use sqlx::PgConnection;
use testkit::{eventually, nats::Nats, postgres::Database};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A running side: its database, its pool, its connection to the events.
pub struct Side {
    service: &'static str,
    pub pool: Pool,
    pub bus: Bus,
    pub database: Database,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Side {
    pub async fn open(service: &'static str, nats: &Nats) -> Self {
        let database = testkit::postgres::database(&[]).await;
        let pool = database.pool().await;
        let bus = Bus::open(service, &nats.url(), &database.settings(), &pool).await.unwrap();
        let effects = "create table effect (id bigserial primary key, sku text not null, version bigint not null)";
        sqlx::raw_sql(effects).execute(&mut *pool.single("test").await.unwrap()).await.unwrap();
        Self { service, pool, bus, database, stop: CancellationToken::new(), tasks: Vec::new() }
    }

    /// The connections of a new process on the same database.
    pub async fn reopen(&mut self, nats: &Nats) {
        self.pool = self.database.pool().await;
        self.bus = Bus::open(self.service, &nats.url(), &self.database.settings(), &self.pool).await.unwrap();
    }

    /// Lets the tasks go where they stand, as a kill does.
    pub async fn kill(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }

    /// Another instance of the same service on the same database.
    pub fn relay(&mut self) {
        self.tasks.push(tokio::spawn(self.bus.clone().relay(self.stop.clone())));
    }

    pub fn consume(&mut self, subscriptions: Subscriptions) {
        self.tasks.push(tokio::spawn(self.bus.clone().consume(subscriptions, self.stop.clone())));
    }

    /// Stops the tasks in an orderly way.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
        self.stop = CancellationToken::new();
    }

    pub async fn announce(&self, sku: &str, versions: impl IntoIterator<Item = i64>) {
        let mut tx = self.pool.begin().await.unwrap();
        for version in versions {
            messaging::announce(&mut tx, &stock(sku, version), OffsetDateTime::now_utc()).await.unwrap();
        }
        tx.commit("test").await.unwrap();
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut *self.pool.get().await.unwrap()).await.unwrap()
    }

    /// The versions that took effect for a SKU, in the order in which they did.
    pub async fn effects(&self, sku: &str) -> Vec<i64> {
        sqlx::query_scalar("select version from effect where sku = $1 order by id")
            .bind(sku)
            .fetch_all(&mut *self.pool.get().await.unwrap())
            .await
            .unwrap()
    }
}

pub const WAITING: &str = "select count(*) from messaging.outbox where published_at is null";
pub const DEAD: &str = "select count(*) from messaging.dead_letter where redriven_at is null and discarded_at is null";

pub fn stock(sku: &str, version: i64) -> StockChanged {
    StockChanged { sku: Sku::parse(sku).unwrap(), on_hand: 1, reserved: 0, available: 1, version }
}

/// An event as it goes on the wire, with an id of its own.
pub fn event(sku: &str, version: i64) -> String {
    let data = stock(sku, version);
    serde_json::json!({
        "specversion": "1.0", "id": Uuid::now_v7(), "source": "/inventory", "type": "inventory.stock.changed.v1",
        "subject": sku, "time": "2026-11-21T10:00:00Z", "datacontenttype": "application/json", "data": data,
    })
    .to_string()
}

/// Writes each event down; fails while `broken`.
pub fn writing_down(broken: &Arc<AtomicBool>) -> Subscriptions {
    let broken = broken.clone();
    Subscriptions::of("store").on(move |db, event: StockChanged, _| {
        let broken = broken.clone();
        Box::pin(async move {
            write_down(db, &event).await?;
            // After the write: what failed must leave no trace.
            anyhow::ensure!(!broken.load(Ordering::Relaxed), "broken on purpose");
            Ok(())
        })
    })
}

pub async fn write_down(db: &mut PgConnection, event: &StockChanged) -> anyhow::Result<()> {
    sqlx::query("insert into effect (sku, version) values ($1, $2)")
        .bind(event.sku.as_str())
        .bind(event.version)
        .execute(db)
        .await?;
    Ok(())
}

/// The streams, as somebody else sees them.
pub async fn jetstream(nats: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap())
}

/// The consumer of stock changes, as the server sees it, once it is there.
pub async fn consumer(nats: &Nats) -> PullConsumer {
    let jetstream = jetstream(nats).await;
    let find = async || jetstream.get_stream("inventory").await?.get_consumer("store-inventory-stock-changed-v1").await;
    eventually(async || find().await.ok()).await
}
