//! A shipping service started for one test, and what tests often ask of it.

use contracts::{CustomerId, OrderId, order::OrderConfirmed, seed};
use serde_json::{Value, json};
use shipping::{MIGRATOR, config::Config};
use sqlx::AssertSqlSafe;
use testkit::{Answer, Client, Clock, Contract, Tokens, eventually, nats::Nats, postgres::Database};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// A running service with its database, its NATS and the tokens it accepts.
pub struct Shipping {
    /// Holds every answer to the contract.
    pub client: Client,
    pub tokens: Tokens,
    pub database: Database,
    pub clock: Clock,
    pub address: String,
    handle: web::Handle,
    _nats: Nats,
}

impl Shipping {
    pub async fn start() -> Self {
        let (database, nats, tokens) =
            (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await, Tokens::serve().await);
        let mut web = web::Settings::on_loopback(tokens.public_url(), &tokens.auth_url(), &nats.url());
        "error".clone_into(&mut web.log);
        let config = Config { web, database: database.settings() };
        let clock = Clock::system();
        let (service, router) = shipping::start(&config, clock.clone()).await.unwrap();
        let handle = service.handle().unwrap();
        tokio::spawn(service.serve(router));
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        let address = handle.address.clone();
        Self { client, tokens, database, clock, address, handle, _nats: nats }
    }

    /// The order service.
    pub fn order(&self) -> String {
        self.tokens.client("shipping", "order", "shipping:book")
    }

    pub fn alice(&self) -> String {
        self.tokens.customer("shipping", seed::ALICE)
    }

    pub fn bob(&self) -> String {
        self.tokens.customer("shipping", seed::BOB)
    }

    pub fn sam(&self) -> String {
        self.tokens.staff("shipping")
    }

    pub async fn book(&self, order: OrderId, body: &Value) -> Answer {
        self.client.put(&format!("/v1/shipments/{order}"), &self.order(), body).await
    }

    pub async fn cancel(&self, order: OrderId) -> Answer {
        self.client.delete(&format!("/v1/shipments/{order}"), &self.order()).await
    }

    pub async fn dispatch(&self, order: OrderId) -> Answer {
        self.client.post(&format!("/v1/shipments/{order}/dispatch"), &self.sam(), &json!({})).await
    }

    pub async fn deliver(&self, order: OrderId) -> Answer {
        self.client.post(&format!("/v1/shipments/{order}/deliver"), &self.sam(), &json!({})).await
    }

    pub async fn show(&self, order: OrderId) -> Answer {
        self.client.get(&format!("/v1/shipments/{order}"), &self.sam()).await
    }

    /// The states that the shipment went through.
    pub async fn history(&self, order: OrderId) -> Vec<String> {
        let tracking =
            self.client.get(&format!("/v1/shipments/{order}/tracking"), &self.sam()).await.expect(200).json();
        let events = tracking["events"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| event["state"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The order service announces that the order is confirmed. Any outbox will do: the event says whose it is.
    pub async fn announce_confirmed(&self, order: OrderId) {
        let event = OrderConfirmed {
            order_id: order,
            customer_id: seed::ALICE,
            lines: Vec::new(),
            shipping_price: serde_json::from_value(price(490)).unwrap(),
            total: serde_json::from_value(price(2490)).unwrap(),
            ship_to: serde_json::from_value(address("DE")).unwrap(),
            confirmed_at: self.clock.now(),
        };
        let mut tx = self.database.pool().await.begin().await.unwrap();
        messaging::announce(&mut tx, &event, self.clock.now()).await.unwrap();
        tx.commit("test").await.unwrap();
    }

    /// A new shipment to alice, booked and prepared.
    pub async fn prepared(&self) -> OrderId {
        let order = OrderId::generate();
        self.book(order, &booking()).await.expect(200);
        self.announce_confirmed(order).await;
        eventually(async || self.show(order).await.json()["state"] == "prepared").await;
        order
    }

    /// How many events of this type were announced.
    pub async fn announced(&self, event_type: &str) -> i64 {
        self.number(&format!("select count(*) from messaging.outbox where subject = '{event_type}'")).await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    /// At the end of a test every announced event has left, and the invariants hold.
    pub async fn end(self) {
        eventually(async || self.number("select count(*) from messaging.outbox where published_at is null").await == 0)
            .await;
        assert_eq!(self.number("select count(*) from invariant_violation").await, 0);
        self.handle.stop();
    }
}

pub fn price(cents: i64) -> Value {
    json!({"amount": cents, "currency": "EUR"})
}

pub fn address(country: &str) -> Value {
    json!({"name": "Alice Example", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": country})
}

/// A booking for alice that is accepted: 800 g, standard, within Germany.
pub fn booking() -> Value {
    booking_for(seed::ALICE)
}

pub fn booking_for(customer: CustomerId) -> Value {
    json!({"customer_id": customer, "to": address("DE"), "weight_grams": 800, "service": "standard", "price": price(490)})
}

/// The same with one member replaced.
pub fn booking_with(member: &str, value: Value) -> Value {
    let mut body = booking();
    body[member] = value;
    body
}
