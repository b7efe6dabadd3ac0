//! An accounting service started for one test, and what tests often ask of it.

use accounting::{
    MIGRATOR,
    config::{Config, Payments, Seed},
};
use contracts::{
    Currency, CustomerId, Event, Money, OrderId, Quantity, Sku, order::OrderConfirmed, order::OrderLine, seed,
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Answer, Client, Clock, Contract, Tokens, eventually, nats::Nats, postgres::Database};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// What the order of most tests costs: two mugs at 9.50 and shipping for 4.90, in cents.
pub const TOTAL: i64 = 2_390;

/// A running service with its database, its NATS and the tokens it accepts.
pub struct Accounting {
    /// Holds every answer to the contract.
    pub client: Client,
    pub tokens: Tokens,
    pub database: Database,
    pub clock: Clock,
    pub address: String,
    handle: web::Handle,
    pub nats: Nats,
}

impl Accounting {
    pub async fn start() -> Self {
        Self::with_provider_timeout(3_000).await
    }

    /// A service that gives the provider up sooner.
    pub async fn impatient() -> Self {
        Self::with_provider_timeout(300).await
    }

    async fn with_provider_timeout(provider_timeout_ms: u64) -> Self {
        let (database, nats, tokens) =
            (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await, Tokens::serve().await);
        let mut web = web::Settings::on_loopback(tokens.public_url(), &tokens.auth_url(), &nats.url());
        "error".clone_into(&mut web.log);
        let payments = Payments { provider_timeout_ms, authorization_hours: 168 };
        let config = Config { web, database: database.settings(), payments, seed: Some(Seed::Demo) };
        let clock = Clock::system();
        let (service, router) = accounting::start(&config, clock.clone()).await.unwrap();
        let handle = service.handle().unwrap();
        tokio::spawn(service.serve(router));
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        let address = handle.address.clone();
        Self { client, tokens, database, clock, address, handle, nats }
    }

    /// The order service.
    pub fn order(&self) -> String {
        self.tokens.client("accounting", "order", "accounting:pay")
    }

    pub fn alice(&self) -> String {
        self.tokens.customer("accounting", seed::ALICE)
    }

    pub fn bob(&self) -> String {
        self.tokens.customer("accounting", seed::BOB)
    }

    pub fn sam(&self) -> String {
        self.tokens.staff("accounting")
    }

    pub async fn put(&self, order: OrderId, body: &Value) -> Answer {
        self.client.put(&format!("/v1/payments/{order}"), &self.order(), body).await
    }

    pub async fn authorize(&self, order: OrderId, method: &str) -> Answer {
        self.put(order, &payment(method)).await
    }

    pub async fn capture(&self, order: OrderId) -> Answer {
        self.client.post(&format!("/v1/payments/{order}/capture"), &self.order(), &Value::Null).await
    }

    pub async fn refund(&self, order: OrderId) -> Answer {
        self.client.post(&format!("/v1/payments/{order}/refund"), &self.order(), &Value::Null).await
    }

    pub async fn void(&self, order: OrderId) -> Answer {
        self.client.delete(&format!("/v1/payments/{order}"), &self.order()).await
    }

    /// How far the payment is.
    pub async fn state(&self, order: OrderId) -> String {
        let payment = self.client.get(&format!("/v1/payments/{order}"), &self.sam()).await.expect(200).json();
        payment["state"].as_str().unwrap().to_owned()
    }

    /// What the provider remembers of the order: state, and money that moved.
    pub async fn charge(&self, order: OrderId) -> (String, i64) {
        let state = self.text(&format!("select state from provider_charge where key = '{order}'")).await;
        (state, self.number(&format!("select moved from provider_charge where key = '{order}'")).await)
    }

    /// A new order, authorized and captured.
    pub async fn captured(&self, method: &str) -> OrderId {
        let order = OrderId::generate();
        self.authorize(order, method).await.expect(200);
        self.capture(order).await.expect(200);
        order
    }

    /// A new order, captured and invoiced; with the number of its invoice.
    pub async fn invoiced(&self) -> (OrderId, String) {
        let order = self.captured("tok_ok").await;
        self.announce_confirmed(order).await;
        let number = format!("select coalesce(max(number), '') from invoice where order_id = '{order}'");
        eventually(async || !self.text(&number).await.is_empty()).await;
        (order, self.text(&number).await)
    }

    /// The order service announces that the order is confirmed. Any outbox will do: the event says whose it is.
    pub async fn announce_confirmed(&self, order: OrderId) {
        self.announce(&confirmed(order, seed::ALICE)).await;
    }

    pub async fn announce(&self, event: &impl contracts::Event) {
        let mut tx = self.database.pool().await.begin().await.unwrap();
        messaging::announce(&mut tx, event, self.clock.now()).await.unwrap();
        tx.commit("test").await.unwrap();
    }

    /// The same past any outbox, as a stranger would.
    pub async fn publish(&self, event: &OrderConfirmed) {
        let event = json!({
            "specversion": "1.0", "id": OrderId::generate(), "source": "/order", "type": OrderConfirmed::TYPE,
            "subject": event.order_id, "time": "2026-11-21T10:00:00Z", "datacontenttype": "application/json",
            "data": event,
        });
        self.nats.publish(OrderConfirmed::TYPE, event.to_string()).await;
    }

    /// Waits until so many events had their effect.
    pub async fn effects(&self, count: i64) {
        eventually(async || self.number("select count(*) from messaging.inbox").await == count).await;
    }

    /// How many events of this type were announced.
    pub async fn announced(&self, event_type: &str) -> i64 {
        self.number(&format!("select count(*) from messaging.outbox where subject = '{event_type}'")).await
    }

    /// What an account holds, in EUR cents.
    pub async fn balance(&self, number: &str) -> i64 {
        self.number(&format!("select balance from account_balance where code = '{number}-EUR'")).await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    pub async fn text(&self, sql: &str) -> String {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    /// Runs statements as one transaction, as somebody with access to the database could.
    pub async fn run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut db = self.database.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.map(drop)
    }

    /// At the end of a test every announced event has left, and the invariants hold.
    pub async fn end(self) {
        eventually(async || self.number("select count(*) from messaging.outbox where published_at is null").await == 0)
            .await;
        assert_eq!(self.violations().await, "");
        self.handle.stop();
    }

    /// The invariants that do not hold.
    pub async fn violations(&self) -> String {
        self.text("select coalesce(string_agg(distinct rule, ' ' order by rule), '') from invariant_violation").await
    }
}

pub fn euro(cents: i64) -> Money {
    Money::new(cents, Currency::Eur)
}

/// A payment that alice makes.
pub fn payment(method: &str) -> Value {
    payment_of(TOTAL, method)
}

pub fn payment_of(cents: i64, method: &str) -> Value {
    json!({"customer_id": seed::ALICE, "amount": euro(cents), "method": method})
}

/// The same with one member replaced.
pub fn payment_with(member: &str, value: Value) -> Value {
    let mut body = payment("tok_ok");
    body[member] = value;
    body
}

/// The order that costs [`TOTAL`].
pub fn confirmed(order_id: OrderId, customer_id: CustomerId) -> OrderConfirmed {
    let mugs = OrderLine {
        sku: Sku::parse("MUG-BLUE").unwrap(),
        name: "Blue mug".to_owned(),
        quantity: Quantity::new(2).unwrap(),
        unit_price: euro(950),
    };
    OrderConfirmed {
        order_id,
        customer_id,
        lines: vec![mugs],
        shipping_price: euro(490),
        total: euro(TOTAL),
        ship_to: serde_json::from_value(json!({"name": "Alice Example", "street": "Hauptstr. 1",
            "postal_code": "10115", "city": "Berlin", "country": "DE"}))
        .unwrap(),
        confirmed_at: time::OffsetDateTime::UNIX_EPOCH,
    }
}
