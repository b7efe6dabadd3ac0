//! An order service started for one test, and what tests often ask of it.

use std::{sync::Arc, time::Duration};

use contracts::{CartId, Event, OrderId, seed};
use order::{
    MIGRATOR,
    config::{Config, ParticipantSettings, SagaSettings},
    participants::{COMMANDS, Credentials, Participants, Turns},
    saga::{watchers::Watchers, worker::Worker},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Answer, Client, Clock, Contract, Tokens, eventually, nats::Nats, postgres::Database};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::gateway::{Gateway, SECRET};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// What order needs around it, and one running instance.
pub struct Suite {
    pub gateway: Gateway,
    pub tokens: Tokens,
    pub database: Database,
    pub clock: Clock,
    pub order: Instance,
    pub config: Config,
    nats: Nats,
}

/// A running instance.
pub struct Instance {
    /// Holds every answer to the contract.
    pub client: Client,
    pub address: String,
    pub ops: String,
    handle: web::Handle,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    pub async fn start(config: &Config, clock: &Clock) -> Self {
        let (service, router) = order::start(config, clock.clone()).await.unwrap();
        let handle = service.handle().unwrap();
        let serving = tokio::spawn(service.serve(router));
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        Self { client, address: handle.address.clone(), ops: handle.ops.clone(), handle, serving }
    }

    /// As SIGTERM does: returns when everything has ended.
    pub async fn stop(self) {
        self.handle.stop();
        self.serving.await.unwrap().unwrap();
    }
}

impl Suite {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of the test's own: the usual ones are made for impatient tests.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (database, nats, tokens) =
            (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await, Tokens::serve().await);
        let gateway = Gateway::start(&tokens).await;
        let auth_url = format!("{}/auth", gateway.url);
        let mut web = web::Settings::on_loopback(tokens.public_url(), &auth_url, &nats.url());
        "error".clone_into(&mut web.log);
        let participants = ParticipantSettings {
            gateway_url: Some(gateway.url.clone()),
            order_client_secret: SECRET.to_owned().into(),
            call_timeout_ms: 2_000,
            calls_per_participant: 16,
        };
        let sagas = SagaSettings {
            saga_concurrency: 64,
            saga_lease_ms: 4_000,
            saga_poll_ms: 50,
            step_deadline_ms: 600_000,
            stuck_after_ms: 600,
            retry_delay_ms: 20,
            retry_delay_max_ms: 200,
        };
        let mut config = Config { web, database: database.settings(), participants, sagas, stream_life_ms: 60_000 };
        change(&mut config);
        let clock = Clock::system();
        let order = Instance::start(&config, &clock).await;
        Self { gateway, tokens, database, clock, order, config, nats }
    }

    /// With little time for a call.
    pub async fn impatient() -> Self {
        Self::with(|config| config.participants.call_timeout_ms = 300).await
    }

    /// One more instance on the same database.
    pub async fn another(&self) -> Instance {
        Instance::start(&self.config, &self.clock).await
    }

    /// What works on sagas, without an instance around it.
    pub async fn worker(&self, lease: Duration) -> Worker {
        let credentials = Credentials::new(&self.config.web.auth_url, SECRET.to_owned().into(), COMMANDS);
        let client = reqwest::Client::new();
        let participants = Participants::new(&self.gateway.url, credentials, client, Duration::from_secs(8));
        Worker {
            pool: self.database.pool().await,
            participants,
            turns: Turns::new(16),
            patience: self.config.sagas.patience(),
            lease,
            instance: Arc::from("of the test"),
            watchers: Watchers::default(),
            clock: self.clock.clone(),
            stop: CancellationToken::new(),
        }
    }

    pub fn alice(&self) -> String {
        self.tokens.customer("order", seed::ALICE)
    }

    pub fn bob(&self) -> String {
        self.tokens.customer("order", seed::BOB)
    }

    pub fn sam(&self) -> String {
        self.tokens.staff("order")
    }

    pub fn olga(&self) -> String {
        self.tokens.operator("order")
    }

    /// Alice asks for this with this key, and waits for up to so many seconds.
    pub async fn post(&self, key: &str, wait: u64, body: &Value) -> Answer {
        self.post_as(&self.order, &self.alice(), key, wait, body).await
    }

    pub async fn post_as(&self, instance: &Instance, token: &str, key: &str, wait: u64, body: &Value) -> Answer {
        let request = instance.client.request(reqwest::Method::POST, "/v1/orders", token).json(body);
        let request = request.header("Idempotency-Key", key);
        let request = if wait > 0 { request.header("Prefer", format!("wait={wait}")) } else { request };
        instance.client.send(request).await
    }

    /// Alice places an order and does not wait.
    pub async fn place(&self) -> OrderId {
        id(&self.post(&any_key(), 0, &wanted()).await.expect(202))
    }

    /// The order, as staff sees it.
    pub async fn show(&self, order: OrderId) -> Value {
        self.order.client.get(&format!("/v1/orders/{order}"), &self.sam()).await.expect(200).json()
    }

    /// Waits until the order is in this state.
    pub async fn becomes(&self, order: OrderId, state: &str) -> Value {
        eventually(async || {
            let shown = self.show(order).await;
            if shown["state"] == state { Ok(shown) } else { Err(format!("{shown:#}")) }
        })
        .await
    }

    /// A new order that went through.
    pub async fn confirmed(&self) -> OrderId {
        let order = self.place().await;
        self.becomes(order, "confirmed").await;
        order
    }

    pub async fn cancel(&self, order: OrderId) -> Answer {
        let path = format!("/v1/orders/{order}/cancellation");
        self.order.client.send(self.order.client.request(reqwest::Method::POST, &path, &self.alice())).await
    }

    /// Somebody else announces something. Any outbox will do: the event says whose it is.
    pub async fn announce<E: Event>(&self, event: &E) {
        let mut tx = self.database.pool().await.begin().await.unwrap();
        messaging::announce(&mut tx, event, self.clock.now()).await.unwrap();
        tx.commit("test").await.unwrap();
    }

    /// How many events of this type were announced.
    pub async fn announced<E: Event>(&self) -> i64 {
        self.number(&format!("select count(*) from messaging.outbox where subject = '{}'", E::TYPE)).await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        let mut db = self.database.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.unwrap();
    }

    /// At the end of a test every saga has ended, and every announced event has left.
    pub async fn end(self) {
        let left = "select (select count(*) from messaging.outbox where published_at is null)
                         + (select count(*) from saga where ended_at is null)";
        eventually(async || self.number(left).await == 0).await;
        self.order.handle.stop();
        drop(self.nats);
    }
}

/// The steps of the timeline of which this is told, each with its direction.
pub fn told(order: &Value, what: &str) -> Vec<String> {
    let timeline = order["timeline"].as_array().unwrap();
    let of_it = timeline.iter().filter(|entry| entry["what"] == what);
    of_it.map(|entry| entry["step"].as_str().unwrap().to_owned()).collect()
}

pub fn id(answer: &Answer) -> OrderId {
    answer.json()["id"].as_str().unwrap().parse().unwrap()
}

pub fn any_key() -> String {
    Uuid::new_v4().to_string()
}

/// An order that goes through.
pub fn wanted() -> Value {
    json!({
        "cart_id": CartId::generate(),
        "ship_to": {"name": "Alice Example", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
        "shipping": {"service": "standard", "price": {"amount": 490, "currency": "EUR"}},
        "payment": {"method": "tok_ok"},
    })
}
