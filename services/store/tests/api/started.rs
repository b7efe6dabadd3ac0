//! A store started for one test, and what tests often ask of it.

use contracts::{CartId, CustomerId, Event, OrderId, seed};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::{
    MIGRATOR,
    config::{Config, Seed},
};
use testkit::{Answer, Client, Clock, Contract, Tokens, eventually, nats::Nats, postgres::Database};
use tokio::sync::OnceCell;

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// A running store with its database, its NATS and the tokens it accepts.
pub struct Store {
    /// Holds every answer to the contract.
    pub client: Client,
    pub tokens: Tokens,
    pub database: Database,
    pub clock: Clock,
    pub address: String,
    handle: web::Handle,
    nats: Nats,
    others: OnceCell<database::Pool>,
}

impl Store {
    /// With the categories kitchen, tableware (part of kitchen) and garden, and without products.
    pub async fn start() -> Self {
        let store = Self::start_with(None).await;
        store
            .execute("insert into category (slug, name, parent) values ('garden', 'Garden', null), ('kitchen', 'Kitchen', null), ('tableware', 'Tableware', 'kitchen')")
            .await;
        store
    }

    pub async fn start_with(seed: Option<Seed>) -> Self {
        let (database, nats, tokens) =
            (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await, Tokens::serve().await);
        let clock = Clock::system();
        let handle = serve(&database, &nats, &tokens, &clock, seed).await;
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        Self { client, tokens, database, clock, address: handle.address.clone(), handle, nats, others: OnceCell::new() }
    }

    /// Starts a second instance on the same database, as a restart would.
    pub async fn start_again_with(&self, seed: Option<Seed>) {
        serve(&self.database, &self.nats, &self.tokens, &self.clock, seed).await.stop();
    }

    /// The order service.
    pub fn order(&self) -> String {
        self.tokens.client("store", "order", "store:checkout")
    }

    pub fn alice(&self) -> String {
        self.tokens.customer("store", seed::ALICE)
    }

    pub fn bob(&self) -> String {
        self.tokens.customer("store", seed::BOB)
    }

    pub fn sam(&self) -> String {
        self.tokens.staff("store")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path, &self.alice()).await
    }

    /// A request with one header, and a body if there is one.
    pub async fn with_header(&self, method: Method, path: &str, header: (&str, &str), body: Option<&Value>) -> Answer {
        let request = self.client.request(method, path, &self.sam()).header(header.0, header.1);
        self.client.send(if let Some(body) = body { request.json(body) } else { request }).await
    }

    pub async fn put_product(&self, sku: &str, body: &Value) -> Answer {
        self.client.put(&format!("/v1/products/{sku}"), &self.sam(), body).await
    }

    /// A product for sale at so many cents.
    pub async fn sell(&self, sku: &str, cents: i64) {
        self.put_product(sku, &draft(sku, cents)).await.expect(201);
    }

    pub async fn withdraw(&self, sku: &str) {
        self.client.post(&format!("/v1/products/{sku}/withdrawal"), &self.sam(), &json!({})).await.expect(200);
    }

    /// An empty cart of alice.
    pub async fn cart(&self) -> CartId {
        let cart = self.client.post("/v1/carts", &self.alice(), &json!({"currency": "EUR"})).await.expect(201).json();
        serde_json::from_value(cart["id"].clone()).unwrap()
    }

    pub async fn put_line(&self, cart: CartId, sku: &str, quantity: i64) -> Answer {
        let path = format!("/v1/carts/{cart}/lines/{sku}");
        self.client.put(&path, &self.alice(), &json!({"quantity": quantity})).await
    }

    /// A cart of alice with two mugs at 14.90 and a pen at 69.00.
    pub async fn filled_cart(&self) -> CartId {
        for (sku, cents) in [("MUG-BLUE", 1490), ("PEN-FOUNTAIN", 6900)] {
            self.put_product(sku, &draft(sku, cents)).await;
        }
        let cart = self.cart().await;
        self.put_line(cart, "MUG-BLUE", 2).await.expect(200);
        self.put_line(cart, "PEN-FOUNTAIN", 1).await.expect(200);
        cart
    }

    pub async fn show_cart(&self, cart: CartId) -> Value {
        self.get(&format!("/v1/carts/{cart}")).await.expect(200).json()
    }

    /// The order asks for a cart of alice.
    pub async fn check_out(&self, order: OrderId, cart: CartId) -> Answer {
        self.check_out_of(order, cart, seed::ALICE).await
    }

    pub async fn check_out_of(&self, order: OrderId, cart: CartId, customer: CustomerId) -> Answer {
        let body = json!({"cart_id": cart, "customer_id": customer});
        self.client.put(&format!("/v1/checkouts/{order}"), &self.order(), &body).await
    }

    pub async fn undo(&self, order: OrderId) {
        self.client.delete(&format!("/v1/checkouts/{order}"), &self.order()).await.expect(204);
    }

    /// Another service announces something. Any outbox will do: the event says whose it is.
    pub async fn hear<E: Event>(&self, event: &E) {
        let mut tx = self.others.get_or_init(|| self.database.pool()).await.begin().await.unwrap();
        messaging::announce(&mut tx, event, self.clock.now()).await.unwrap();
        tx.commit("test").await.unwrap();
    }

    /// How many events took effect here, or were seen to have done so already.
    pub async fn heard(&self, count: i64) {
        eventually(async || self.number("select count(*) from messaging.inbox").await == count).await;
    }

    /// How many events of this type were announced.
    pub async fn announced(&self, event_type: &str) -> i64 {
        self.number(&format!("select count(*) from messaging.outbox where subject = '{event_type}'")).await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        let mut db = self.database.connect().await;
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.unwrap();
    }

    /// At the end of a test every announced event has left, and the invariants hold.
    pub async fn end(self) {
        eventually(async || self.number("select count(*) from messaging.outbox where published_at is null").await == 0)
            .await;
        assert_eq!(self.number("select count(*) from invariant_violation").await, 0);
        assert_eq!(self.number("select count(*) from messaging.dead_letter where discarded_at is null").await, 0);
        self.handle.stop();
    }
}

async fn serve(database: &Database, nats: &Nats, tokens: &Tokens, clock: &Clock, seed: Option<Seed>) -> web::Handle {
    let mut web = web::Settings::on_loopback(tokens.public_url(), &tokens.auth_url(), &nats.url());
    "error".clone_into(&mut web.log);
    let config = Config { web, database: database.settings(), seed };
    let (service, router) = store::start(&config, clock.clone()).await.unwrap();
    let handle = service.handle().unwrap();
    tokio::spawn(service.serve(router));
    handle
}

pub fn price(cents: i64) -> Value {
    json!({"amount": cents, "currency": "EUR"})
}

/// A product as staff write it: named after its SKU, in tableware.
pub fn draft(sku: &str, cents: i64) -> Value {
    json!({
        "name": format!("The {}", sku.to_lowercase().replace('-', " ")), "description": "As good as any.",
        "category": "tableware", "price": price(cents), "weight_grams": 420,
    })
}

/// A product with one member replaced.
pub fn draft_with(member: &str, value: Value) -> Value {
    let mut body = draft("MUG-BLUE", 1490);
    body[member] = value;
    body
}
