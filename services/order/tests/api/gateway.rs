//! A stand-in for the gateway, auth and the participants, that does as a test says: it accepts, refuses or stays
//! silent, and remembers what it was asked and what it did.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use contracts::OrderId;
use serde_json::{Value, json};
use testkit::Tokens;
use tokio::{net::TcpListener, sync::watch};

pub const SECRET: &str = "order-test-secret";

/// What to do with a request.
#[derive(Clone, Copy, Debug)]
pub enum Do {
    Accept,
    Refuse(u16, &'static str),
    /// Answer as the gateway does when nobody is there.
    Unavailable,
    /// Likewise, and ask to come again after so many seconds.
    Later(u32),
    /// Never answer, and do nothing.
    Silent,
    /// Do it, but never answer.
    LoseReply,
    /// Do it when the test says so, and answer then.
    Hold,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub service: String,
    pub path: String,
    pub body: Value,
    pub order: OrderId,
    pub request_id: String,
    /// Status and body, if it was answered.
    pub answer: Option<(u16, Value)>,
    pub request_timeout_ms: u64,
}

#[derive(Default)]
struct World {
    next: HashMap<String, Vec<Do>>,
    always: HashMap<String, Do>,
    asked: Vec<Asked>,
    /// By order and resource: what stands there.
    standing: HashMap<(OrderId, String), &'static str>,
    /// By order: what took effect, in its order.
    effects: Vec<(OrderId, String)>,
    token: u32,
    /// By scope: the latest.
    good: HashMap<String, String>,
    /// By service: what its list holds, newest order first. Nobody answers for the others.
    lists: HashMap<String, Vec<Value>>,
}

#[derive(Clone)]
pub struct Gateway {
    pub url: String,
    world: Arc<Mutex<World>>,
    held: Arc<watch::Sender<bool>>,
}

impl Gateway {
    pub async fn start(tokens: &Tokens) -> Self {
        let keys: Value =
            reqwest::get(format!("{}/jwks", tokens.auth_url())).await.unwrap().json().await.expect("keys are JSON");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { url, world: Arc::default(), held: Arc::new(watch::Sender::new(true)) };
        let router = Router::new()
            .route("/auth/jwks", get(async move || Json(keys)))
            .route("/auth/token", post(token))
            .route("/api/{service}/v1/{*path}", any(participant))
            .with_state(this.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        this
    }

    /// Lets the next requests like `PUT inventory` or `POST accounting/capture` meet this.
    pub fn next(&self, what: &str, then: &[Do]) {
        self.world().next.insert(what.to_owned(), then.iter().rev().copied().collect());
    }

    /// Lets all requests of this kind meet this, after those of [`Gateway::next`].
    pub fn always(&self, what: &str, then: Do) {
        self.world().always.insert(what.to_owned(), then);
    }

    /// What a participant's list of orders holds, newest first.
    pub fn lists(&self, service: &str, items: &[Value]) {
        self.world().lists.insert(service.to_owned(), items.to_vec());
    }

    /// A page of it, as every service pages.
    fn page(&self, service: &str, query: &HashMap<String, String>) -> Response {
        let Some(items) = self.world().lists.get(service).cloned() else {
            return from_gateway(503, "service_unavailable");
        };
        let limit: usize = query["limit"].parse().unwrap();
        let id = |item: &Value| item["order_id"].as_str().unwrap().to_owned();
        let older = |item: &Value| query.get("after").is_none_or(|after| id(item) < *after);
        let mut items: Vec<_> = items.into_iter().filter(older).collect();
        let next = (items.len() > limit).then(|| id(&items[limit - 1]));
        items.truncate(limit);
        let mut page = json!({ "items": items });
        if let Some(next) = next {
            page["next"] = next.into();
        }
        Json(page).into_response()
    }

    /// Lets go what is held.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Everything that was asked about this order.
    pub fn asked(&self, order: OrderId) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| asked.order == order).cloned().collect()
    }

    /// How often this was asked.
    pub fn times(&self, order: OrderId, what: &str) -> usize {
        self.asked(order).iter().filter(|asked| asked.kind() == what).count()
    }

    /// What took effect for this order, in its order.
    pub fn effects(&self, order: OrderId) -> Vec<String> {
        self.world().effects.iter().filter(|(id, _)| *id == order).map(|(_, what)| what.clone()).collect()
    }

    /// Something in between sends the same request once more. Returns the status.
    pub async fn repeat(&self, order: OrderId, what: &str) -> u16 {
        let asked = self.asked(order).into_iter().find(|asked| asked.kind() == what).unwrap();
        let url = format!("{}/api/{}{}", self.url, asked.service, asked.path);
        let request = reqwest::Client::new().request(asked.method.parse().unwrap(), url).json(&asked.body);
        let request = request.bearer_auth(format!("token-{}", self.tokens_given()));
        let request = request.header(web::REQUEST_TIMEOUT, asked.request_timeout_ms);
        request.send().await.unwrap().status().as_u16()
    }

    /// How many tokens were given out.
    pub fn tokens_given(&self) -> u32 {
        self.world().token
    }

    /// No token given out so far is good any more.
    pub fn revoke_tokens(&self) {
        let mut world = self.world();
        world.token += 1000;
        world.good.clear();
    }

    /// The latest token for this is good; and the one that was given for the other scope.
    fn takes(&self, authorization: &str) -> bool {
        let world = self.world();
        world.good.values().any(|token| authorization == format!("Bearer {token}"))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Returns its number.
    fn remember(&self, asked: Asked) -> usize {
        let mut world = self.world();
        world.asked.push(asked);
        world.asked.len() - 1
    }

    fn orders(&self, asked: &Asked) -> Do {
        let mut world = self.world();
        let kind = asked.kind();
        let next = world.next.get_mut(&kind).and_then(Vec::pop);
        next.or_else(|| world.always.get(&kind).copied()).unwrap_or(Do::Accept)
    }

    /// What the participants do when they do something: once, and never after the undo.
    fn act(&self, asked: &Asked) -> Response {
        let kind = asked.kind();
        let mut world = self.world();
        let key = (asked.order, asked.service.clone());
        let stands = world.standing.get(&key).copied();
        let (becomes, answer) = match (kind.as_str(), stands) {
            ("DELETE store" | "DELETE inventory" | "DELETE accounting" | "DELETE shipping", _) => {
                ("undone", StatusCode::NO_CONTENT.into_response())
            }
            (_, Some("undone")) if !kind.ends_with("/refund") => return problem(409, "undone_before"),
            ("PUT store", _) => ("done", Json(checked_out(asked)).into_response()),
            ("POST accounting/capture", _) => ("captured", Json(json!({})).into_response()),
            ("POST accounting/refund", _) => ("refunded", Json(json!({})).into_response()),
            _ => ("done", Json(json!({})).into_response()),
        };
        // What went further does not go back to done when it is asked for again.
        let is_news = stands != Some(becomes) && !(becomes == "done" && stands.is_some());
        if is_news {
            world.standing.insert(key, becomes);
            world.effects.push((asked.order, kind));
        }
        answer
    }
}

impl Asked {
    /// Method and service, and what follows the order's id.
    pub fn kind(&self) -> String {
        match self.path.split('/').nth(4) {
            Some(verb) => format!("{} {}/{verb}", self.method, self.service),
            None => format!("{} {}", self.method, self.service),
        }
    }
}

/// The cart of every test: two mugs.
pub fn checked_out(asked: &Asked) -> Value {
    let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    json!({
        "order_id": asked.order, "cart_id": asked.body["cart_id"], "total": price(2500), "weight_grams": 700,
        "lines": [{"sku": "MUG-BLUE", "name": "Mug, blue", "quantity": 2, "unit_price": price(1250), "weight_grams": 350}],
    })
}

async fn participant(
    State(gateway): State<Gateway>,
    Path((service, path)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if !gateway.takes(&text(header::AUTHORIZATION)) {
        return from_gateway(401, "invalid_token");
    }
    assert!(uri.path().starts_with("/api/"), "{uri}");
    if method == Method::GET {
        return gateway.page(&service, &query);
    }
    let order = path.split('/').nth(1).and_then(|id| id.parse().ok()).expect("every resource is named by its order");
    let asked = Asked {
        method: method.to_string(),
        service,
        path: format!("/v1/{path}"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        order,
        request_id: text(header::HeaderName::from_static("x-request-id")),
        answer: None,
        request_timeout_ms: text(web::REQUEST_TIMEOUT).parse().expect("whoever asks says how long it waits"),
    };
    let nr = gateway.remember(asked.clone());
    let (head, body) = answer(&gateway, &asked).await.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    gateway.world().asked[nr].answer = Some((head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default()));
    Response::from_parts(head, body.into())
}

async fn answer(gateway: &Gateway, asked: &Asked) -> Response {
    match gateway.orders(asked) {
        Do::Accept => gateway.act(asked),
        Do::Refuse(status, code) => problem(status, code),
        Do::Unavailable => from_gateway(503, "service_unavailable"),
        Do::Later(seconds) => {
            ([(header::RETRY_AFTER, seconds.to_string())], from_gateway(503, "service_unavailable")).into_response()
        }
        Do::Silent => std::future::pending().await,
        Do::LoseReply => {
            gateway.act(asked);
            std::future::pending().await
        }
        Do::Hold => {
            let mut held = gateway.held.subscribe();
            held.wait_for(|held| !held).await.unwrap();
            gateway.act(asked)
        }
    }
}

async fn token(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    // base64 of order:order-test-secret
    let expected = "Basic b3JkZXI6b3JkZXItdGVzdC1zZWNyZXQ=";
    let authorized = headers.get(header::AUTHORIZATION).is_some_and(|value| value == expected);
    if !authorized || form["grant_type"] != "client_credentials" {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let mut world = gateway.world();
    world.token += 1;
    let token = format!("token-{}", world.token);
    world.good.insert(form["scope"].clone(), token.clone());
    Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": form["scope"]}))
        .into_response()
}

fn problem(status: u16, code: &str) -> Response {
    let body =
        json!({"type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": "for the test"});
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/problem+json")], body.to_string())
        .into_response()
}

fn from_gateway(status: u16, code: &str) -> Response {
    let body = json!({"type": "about:blank", "title": "Gateway", "status": status, "code": code, "source": "gateway"});
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/problem+json")], body.to_string())
        .into_response()
}
