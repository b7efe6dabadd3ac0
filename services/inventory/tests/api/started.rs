//! An inventory started for one test, and what tests often ask of it.

use contracts::{Event, OrderId};
use inventory::{
    MIGRATOR,
    config::{Config, Seed},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Answer, Client, Clock, Contract, Tokens, eventually, nats::Nats, postgres::Database};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// A running service with its database, its NATS and the tokens it accepts.
pub struct Inventory {
    /// Holds every answer to the contract.
    pub client: Client,
    pub tokens: Tokens,
    pub database: Database,
    pub nats: Nats,
    pub address: String,
    clock: Clock,
    handle: web::Handle,
}

impl Inventory {
    /// An empty warehouse.
    pub async fn start() -> Self {
        let database = testkit::postgres::database(&[&MIGRATOR]).await;
        Self::on(database, None).await
    }

    pub async fn on(database: Database, seed: Option<Seed>) -> Self {
        let (nats, tokens) = (testkit::nats::server().await, Tokens::serve().await);
        let mut web = web::Settings::on_loopback(tokens.public_url(), &tokens.auth_url(), &nats.url());
        "error".clone_into(&mut web.log);
        let config = Config { web, database: database.settings(), seed };
        let clock = Clock::system();
        let (service, router) = inventory::start(&config, clock.clone()).await.unwrap();
        let handle = service.handle().unwrap();
        tokio::spawn(service.serve(router));
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        let address = handle.address.clone();
        Self { client, tokens, database, nats, address, clock, handle }
    }

    pub fn sam(&self) -> String {
        self.tokens.staff("inventory")
    }

    /// The order service.
    pub fn order(&self) -> String {
        self.tokens.client("inventory", "order", "inventory:reserve")
    }

    /// Puts pieces of a product on the shelf.
    pub async fn receive(&self, sku: &str, quantity: i64) {
        let body = json!({"quantity": quantity, "reference": OrderId::generate()});
        self.client.post(&format!("/v1/stock/{sku}/receipts"), &self.sam(), &body).await.expect(201);
    }

    pub async fn reserve(&self, order: OrderId, lines: &[(&str, i64)]) -> Answer {
        self.client.put(&format!("/v1/reservations/{order}"), &self.order(), &wanted(lines)).await
    }

    pub async fn release(&self, order: OrderId) -> Answer {
        self.client.delete(&format!("/v1/reservations/{order}"), &self.order()).await
    }

    /// A new order that has reserved these lines.
    pub async fn reserved(&self, lines: &[(&str, i64)]) -> OrderId {
        let order = OrderId::generate();
        self.reserve(order, lines).await.expect(200);
        order
    }

    pub async fn reservation(&self, order: OrderId) -> Answer {
        self.client.get(&format!("/v1/reservations/{order}"), &self.sam()).await
    }

    pub async fn state(&self, order: OrderId) -> String {
        self.reservation(order).await.expect(200).json()["state"].as_str().unwrap().to_owned()
    }

    pub async fn reaches(&self, order: OrderId, state: &str) {
        eventually(async || match self.state(order).await {
            reached if reached == state => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Pieces on hand and pieces reserved.
    pub async fn level(&self, sku: &str) -> (i64, i64) {
        let stock = self.client.get(&format!("/v1/stock/{sku}"), &self.sam()).await.expect(200).json();
        (stock["on_hand"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap())
    }

    /// Kinds and quantities of a product's movements, the latest first.
    pub async fn movements(&self, sku: &str) -> Vec<(String, i64)> {
        let page = self.client.get(&format!("/v1/stock/{sku}/movements"), &self.sam()).await.expect(200).json();
        let movement = |it: &Value| (it["kind"].as_str().unwrap().to_owned(), it["quantity"].as_i64().unwrap());
        page["items"].as_array().unwrap().iter().map(movement).collect()
    }

    /// Another service announces an event. Any outbox will do: the event's type says whose it is.
    pub async fn hear<E: Event>(&self, event: &E) {
        let mut tx = self.database.pool().await.begin().await.unwrap();
        messaging::announce(&mut tx, event, self.clock.now()).await.unwrap();
        tx.commit("test").await.unwrap();
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    /// No rule is broken: each number of `stock` is what its movements and the live reservations add up to.
    pub async fn assert_invariants(&self) {
        let sql = "select format('%s of %s: %s instead of %s', rule, sku, stands, expected) from invariant_violation";
        let broken: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut self.database.connect().await).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }

    /// At the end of a test the invariants hold and every event has left.
    pub async fn end(self) {
        self.assert_invariants().await;
        let waiting = "select count(*) from messaging.outbox where published_at is null";
        eventually(async || self.number(waiting).await == 0).await;
        self.handle.stop();
    }
}

/// The body of a reservation.
pub fn wanted(lines: &[(&str, i64)]) -> Value {
    let line = |(sku, quantity): &(&str, i64)| json!({"sku": sku, "quantity": quantity});
    json!({"lines": lines.iter().map(line).collect::<Vec<_>>()})
}
