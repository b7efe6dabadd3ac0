//! Somebody with a token who uses the public API.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::browser::log_in;

/// How long an order may take to end.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// A user of the suite. Cheap to clone.
#[derive(Clone)]
pub struct Shopper {
    public_url: String,
    token: String,
    http: Client,
    waits: bool,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    /// The body as JSON; null if it is empty, a string if it is something else.
    pub body: Value,
}

/// What is bought and how. The default is one blue mug to Berlin, by standard service, with a card that works.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// SKU and number of pieces.
    pub lines: Vec<(String, i64)>,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    pub service: String,
    /// One of the documented test methods.
    pub method: String,
    /// Says another shipping price, in minor units, than the quote.
    pub shipping_price: Option<i64>,
}

impl Default for Purchase {
    fn default() -> Self {
        Self {
            lines: vec![("MUG-BLUE".to_owned(), 1)],
            country: "DE".to_owned(),
            service: "standard".to_owned(),
            method: "tok_ok".to_owned(),
            shipping_price: None,
        }
    }
}

impl Purchase {
    /// One piece of `sku`.
    pub fn of(sku: &str) -> Self {
        Self { lines: vec![(sku.to_owned(), 1)], ..Self::default() }
    }

    /// Paid with another test method.
    #[must_use]
    pub fn paid_with(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// Sent to another country.
    #[must_use]
    pub fn to(self, country: &str) -> Self {
        Self { country: country.to_owned(), ..self }
    }

    /// Where it is sent to.
    pub fn ship_to(&self) -> Value {
        json!({"name": "Alice Example", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin",
            "country": self.country})
    }
}

impl Answer {
    /// Fails with the whole answer unless the status is `status`.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        if self.status.as_u16() == status {
            Ok(self)
        } else {
            bail!("{status} expected: {} {}", self.status, self.body)
        }
    }

    /// The string at this key of the body.
    pub fn text(&self, key: &str) -> anyhow::Result<String> {
        self.body[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {}", self.body))
    }
}

impl Shopper {
    /// Logs one of the demonstration's users in.
    pub async fn log_in(public_url: &str, user: &str) -> anyhow::Result<Self> {
        let tokens = log_in(public_url, user, &format!("{user}-demo-password")).await?;
        Self::with_token(public_url, &tokens.access_token)
    }

    /// Somebody who has a token already. An empty token: nobody.
    pub fn with_token(public_url: &str, token: &str) -> anyhow::Result<Self> {
        let http = Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { public_url: public_url.to_owned(), token: token.to_owned(), http, waits: false })
    }

    /// One who asks again, when told to, while the gateway gives a service time to recover: it has sent nothing then.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { waits: true, ..self }
    }

    /// The token, for requests of other shapes.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// Sends a request below the public origin.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        // Boxed, or whoever awaits several of them has a large future.
        Box::pin(self.ask(request)).await
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = answer(request.try_clone().context("a body of JSON can be sent twice")?).await?;
            if !self.waits || answer.body["code"] != "circuit_open" || Instant::now() > deadline {
                return Ok(answer);
            }
            let after = answer.headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
            sleep(Duration::from_secs(after.context("it does not say when to ask again")?)).await;
        }
    }

    /// `PUT path` with a body of another kind than JSON.
    pub async fn upload(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> anyhow::Result<Answer> {
        answer(self.request(Method::PUT, path).header(header::CONTENT_TYPE, media_type).body(bytes)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.public_url));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Fills a new cart and answers its id.
    pub async fn fill_cart(&self, purchase: &Purchase) -> anyhow::Result<String> {
        let cart = self.post("/api/store/v1/carts", json!({"currency": "EUR"})).await?.expect(201)?.text("id")?;
        for (sku, quantity) in &purchase.lines {
            let line = format!("/api/store/v1/carts/{cart}/lines/{sku}");
            self.put(&line, json!({"quantity": quantity})).await?.expect(200)?;
        }
        Ok(cart)
    }

    /// What `POST /orders` is sent for a filled cart, with the shipping price that the quote gives.
    pub async fn order_for(&self, cart: &str, purchase: &Purchase) -> anyhow::Result<Value> {
        let price = match purchase.shipping_price {
            Some(amount) => json!({"amount": amount, "currency": "EUR"}),
            None => self.quote(cart, purchase).await?,
        };
        Ok(json!({
            "cart_id": cart,
            "ship_to": purchase.ship_to(),
            "shipping": {"service": purchase.service, "price": price},
            "payment": {"method": purchase.method},
        }))
    }

    async fn quote(&self, cart: &str, purchase: &Purchase) -> anyhow::Result<Value> {
        let cart = self.get(&format!("/api/store/v1/carts/{cart}")).await?.expect(200)?;
        let parcel = json!({"to": purchase.ship_to(), "weight_grams": cart.body["weight_grams"]});
        let quote = self.post("/api/shipping/v1/quotes", parcel).await?.expect(200)?;
        let options = quote.body["options"].as_array().context("a quote has options")?;
        let option = options.iter().find(|option| option["service"] == purchase.service.as_str());
        Ok(option.context("the service is not offered")?["price"].clone())
    }

    /// Places an order and answers its id; it may not have ended yet.
    pub async fn place(&self, order: Value) -> anyhow::Result<Answer> {
        let key = Uuid::now_v7().to_string();
        self.send(Method::POST, "/api/order/v1/orders", Some(order), &[("Idempotency-Key", &key)]).await
    }

    /// Buys: cart, quote, order. Answers the order when it has ended.
    pub async fn buy(&self, purchase: &Purchase) -> anyhow::Result<Value> {
        let cart = self.fill_cart(purchase).await?;
        let order = self.order_for(&cart, purchase).await?;
        let id = self.place(order).await?.expect(202)?.text("id")?;
        self.ended(&id).await
    }

    /// The order, with its timeline.
    pub async fn order(&self, id: &str) -> anyhow::Result<Value> {
        Ok(self.get(&format!("/api/order/v1/orders/{id}")).await?.expect(200)?.body)
    }

    /// Waits until no saga of the order goes on, and answers it with its timeline.
    pub async fn ended(&self, id: &str) -> anyhow::Result<Value> {
        self.until(id, |state| !matches!(state, "pending" | "cancelling")).await
    }

    /// Waits until the order's state satisfies `wanted`.
    pub async fn until(&self, id: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Value> {
        let path = format!("/api/order/v1/orders/{id}");
        self.see(&path, |order| order["state"].as_str().is_some_and(&wanted)).await
    }

    /// Looks at something until it satisfies `wanted`, at the most a minute: after a fault an event may come late.
    pub async fn see(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let seen = patiently(async || {
            let answer = self.get(path).await?;
            let met = answer.status.is_success() && wanted(&answer.body);
            if met { Ok(answer.body) } else { bail!("{path} is {} {:#}", answer.status, answer.body) }
        });
        seen.await
    }
}

async fn answer(request: RequestBuilder) -> anyhow::Result<Answer> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await?;
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    Ok(Answer { status, headers, body })
}

/// Tries again until it goes well, at the most a minute; then the last error.
pub async fn patiently<T>(attempt: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Err(error) if Instant::now() > deadline => return Err(error.context(format!("not within {PATIENCE:?}"))),
            Err(_) => sleep(LOOK).await,
            well => return well,
        }
    }
}
