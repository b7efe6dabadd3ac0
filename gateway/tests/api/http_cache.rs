//! What is kept for everybody, from whom, and when it is asked for anew.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::policies::Policies;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use testkit::{Answer, eventually};
use tokio::sync::watch;

use crate::raw;
use crate::services::{Instance, Scripted};
use crate::world::{Gateway, World, policies, routes};

const FRESH: &[(&str, &str)] = &[("cache-control", "public, max-age=60"), ("etag", "\"1\"")];
/// It came too late to be fresh.
const STALE: &[(&str, &str)] = &[("cache-control", "public, max-age=60"), ("age", "100"), ("etag", "\"1\"")];

/// A service that says what it is told to, with the number of the request as content.
#[derive(Clone)]
struct Origin(Arc<Mutex<Script>>);

struct Script {
    status: StatusCode,
    headers: Vec<(&'static str, &'static str)>,
    asked: Vec<Parts>,
    /// Answers wait until this is true.
    open: watch::Sender<bool>,
}

impl Origin {
    fn new(headers: &[(&'static str, &'static str)]) -> Self {
        let (open, _) = watch::channel(true);
        Self(Arc::new(Mutex::new(Script { status: StatusCode::OK, headers: headers.to_vec(), asked: vec![], open })))
    }

    fn says(&self, status: u16, headers: &[(&'static str, &'static str)]) {
        let mut script = self.0.lock().unwrap();
        (script.status, script.headers) = (StatusCode::from_u16(status).unwrap(), headers.to_vec());
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    fn last(&self) -> HeaderMap {
        self.0.lock().unwrap().asked.last().unwrap().headers.clone()
    }

    fn holds(&self, held: bool) {
        self.0.lock().unwrap().open.send_replace(!held);
    }

    async fn answer(self, request: Request) -> Response {
        let (head, _) = request.into_parts();
        let (mut response, mut open) = {
            let mut script = self.0.lock().unwrap();
            script.asked.push(head.clone());
            let headers = script.headers.iter();
            let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers: HeaderMap = headers.collect();
            let known = head.headers.get("if-none-match").is_some_and(|tag| Some(tag) == headers.get("etag"));
            let status = if known { StatusCode::NOT_MODIFIED } else { script.status };
            let content = if known { String::new() } else { script.asked.len().to_string() };
            ((status, headers, content).into_response(), script.open.subscribe())
        };
        // The service itself refuses who lacks the scope, as ours do.
        if payload(&head.headers)["scope"] == "" {
            response = StatusCode::FORBIDDEN.into_response();
        }
        open.wait_for(|open| *open).await.unwrap();
        response
    }
}

fn payload(headers: &HeaderMap) -> serde_json::Value {
    let jwt = headers["authorization"].to_str().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

struct Setting {
    gateway: Gateway,
    origin: Origin,
    _instance: Instance,
    world: World,
}

async fn setting(headers: &[(&'static str, &'static str)]) -> Setting {
    setting_with(headers, policies()).await
}

async fn setting_with(headers: &[(&'static str, &'static str)], policies: Policies) -> Setting {
    let world = World::new().await;
    let origin = Origin::new(headers);
    let answers = origin.clone();
    let instance = Instance::start(Router::new().fallback(move |request| answers.clone().answer(request))).await;
    let places = discovery(&format!("store={0},order={0}", instance.address)).unwrap();
    let gateway = world.gateway_with(places, policies, Limits::default()).await;
    for (who, scope, roles) in [
        ("alice", "store:read", &["customer"][..]),
        ("bob", "store:read", &["customer"]),
        ("sam", "store:write store:read", &["staff"]),
        ("eve", "", &["customer"]),
    ] {
        let payload = json!({"sub": who, "scope": scope, "roles": roles}).to_string();
        world.auth.grants(&format!("good-{who}"), format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload)));
    }
    Setting { gateway, origin, _instance: instance, world }
}

const PRODUCTS: &str = "/api/store/v1/products";

impl Setting {
    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, PRODUCTS, headers).await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let client = &self.gateway.client;
        let request = client.request(method, path, "good-alice");
        client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    async fn seen_by(&self, who: &str) -> Answer {
        self.gateway.get(PRODUCTS, &format!("good-{who}")).await
    }
}

#[track_caller]
fn came(answer: &Answer, status: u16, body: &str, how: &str) {
    let cache = answer.header("cache-status").unwrap_or_default();
    assert!(cache.starts_with(&format!("gateway; {how}")), "{cache}");
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, body), "{cache}");
}

#[tokio::test]
async fn a_fresh_copy_is_given_without_a_question() {
    let it = setting(FRESH).await;
    let first = it.get(&[]).await;
    came(&first, 200, "1", "fwd=uri-miss; stored");
    let again = it.get(&[]).await;
    came(&again, 200, "1", "hit; ttl=");
    assert!(again.header("age").unwrap().parse::<u64>().unwrap() < 60);
    assert_eq!((again.header("etag"), again.header("date")), (first.header("etag"), first.header("date")));
    came(&it.ask(Method::GET, "/api/store/v1/products?limit=1", &[]).await, 200, "2", "fwd=uri-miss");
    assert_eq!(it.origin.count(), 2);
}

#[tokio::test]
async fn how_old_an_answer_was_when_it_came_is_told_from_the_first_time_on() {
    let it = setting(&[("cache-control", "public, max-age=60"), ("age", "50")]).await;
    let first = it.get(&[]).await;
    came(&first, 200, "1", "fwd=uri-miss; stored");
    assert_eq!(first.header("age"), Some("50"));
    let again = it.get(&[]).await;
    assert!(again.header("age").unwrap().parse::<u64>().unwrap() >= 50);
}

#[tokio::test]
async fn what_is_not_for_everybody_or_not_to_be_kept_is_asked_for_each_time() {
    let it = setting(&[]).await;
    let tables: [(u16, &[(&str, &str)]); 11] = [
        (200, &[]),
        (200, &[("cache-control", "max-age=60")]),
        (200, &[("cache-control", "private, max-age=60")]),
        (200, &[("cache-control", "Public, Max-Age=60, No-Store")]),
        (200, &[("cache-control", "public, max-age=60, private=\"x\"")]),
        (200, &[("cache-control", "public, max-age=60"), ("vary", "*")]),
        (200, &[("cache-control", "public, max-age=60"), ("vary", "Authorization")]),
        (200, &[("cache-control", "public, max-age=60"), ("age", "60")]),
        (200, &[("cache-control", "public"), ("expires", "0")]),
        (206, &[("cache-control", "public, max-age=60"), ("content-range", "bytes 0-0/9")]),
        (500, &[("cache-control", "public, max-age=60")]),
    ];
    for (nth, (status, headers)) in tables.into_iter().enumerate() {
        it.origin.says(status, headers);
        let path = format!("/api/store/v1/things/{nth}");
        for _ in 0..3 {
            let before = it.origin.count();
            let answer = it.ask(Method::GET, &path, &[]).await;
            came(&answer, status, &(before + 1).to_string(), "fwd=");
        }
    }
}

#[tokio::test]
async fn a_copy_is_given_only_to_whom_the_service_would_have_given_it() {
    let it = setting(FRESH).await;
    came(&it.seen_by("alice").await, 200, "1", "fwd=uri-miss");
    came(&it.seen_by("bob").await, 200, "1", "hit");
    came(&it.seen_by("sam").await, 200, "2", "fwd=uri-miss");
    for _ in 0..2 {
        it.seen_by("eve").await.expect(403);
    }
    it.gateway.get(PRODUCTS, "bad-1").await.expect(401);
    it.gateway.get(PRODUCTS, "else-1").await.expect(403);
    came(&it.seen_by("alice").await, 200, "1", "hit");
}

#[tokio::test]
async fn a_stale_copy_is_asked_about_and_given_if_it_is_still_right() {
    let it = setting(STALE).await;
    came(&it.get(&[]).await, 200, "1", "fwd=uri-miss; stored");
    it.origin.says(200, FRESH);
    let renewed = it.get(&[]).await;
    came(&renewed, 200, "1", "fwd=stale; fwd-status=304; stored; ttl=");
    assert_eq!(it.origin.last()["if-none-match"], "\"1\"");
    came(&it.get(&[]).await, 200, "1", "hit");
    assert_eq!(it.origin.count(), 2);
}

#[tokio::test]
async fn a_stale_copy_gives_way_to_a_new_answer() {
    let it = setting(STALE).await;
    it.get(&[]).await;
    it.origin.says(200, &[("cache-control", "public, max-age=60"), ("etag", "\"2\"")]);
    came(&it.get(&[]).await, 200, "2", "fwd=stale; stored");
    came(&it.get(&[]).await, 200, "2", "hit");
}

#[tokio::test]
async fn a_304_about_something_else_is_not_taken_for_the_copy() {
    let it = setting(STALE).await;
    it.get(&[]).await;
    it.origin.says(304, &[("cache-control", "public, max-age=60"), ("etag", "\"other\"")]);
    let answer = it.get(&[]).await;
    // It is asked again, without conditions.
    assert_eq!((it.origin.count(), it.origin.last().get("if-none-match")), (3, None));
    assert_eq!(answer.status, 304);
}

#[tokio::test]
async fn while_it_is_asked_about_a_stale_copy_will_do() {
    let brief = "public, max-age=60, stale-while-revalidate=600";
    let it = setting(&[("cache-control", brief), ("age", "100")]).await;
    it.get(&[]).await;
    it.origin.holds(true);
    for _ in 0..5 {
        let stale = it.get(&[]).await;
        came(&stale, 200, "1", "hit; ttl=-");
    }
    eventually(async || it.origin.count() == 2).await;
    it.origin.says(200, FRESH);
    it.origin.holds(false);
    // The answer that was held is as stale as the first, and asked about in turn.
    eventually(async || it.get(&[]).await.body == "3").await;
    came(&it.get(&[]).await, 200, "3", "hit; ttl=");
}

#[tokio::test]
async fn a_stale_copy_is_better_than_an_error_where_it_says_so() {
    let it = setting(&[("cache-control", "public, max-age=60, stale-if-error=600"), ("age", "100")]).await;
    it.get(&[]).await;
    it.origin.says(503, &[]);
    came(&it.get(&[]).await, 200, "1", "fwd=stale; fwd-status=503; ttl=-");
    it.get(&[("cache-control", "no-cache")]).await.expect(503);
    it.origin.says(404, &[]);
    it.get(&[]).await.expect(404);

    let strict = "public, max-age=60, stale-if-error=600, must-revalidate";
    let it = setting(&[("cache-control", strict), ("age", "100"), ("etag", "\"1\"")]).await;
    it.get(&[]).await;
    it.origin.says(503, &[]);
    it.get(&[]).await.expect(503);
}

#[tokio::test]
async fn a_stale_copy_is_better_than_no_service() {
    let it = setting(&[("cache-control", "public, max-age=60, stale-if-error=600"), ("age", "100")]).await;
    it.get(&[]).await;
    it.origin.holds(true);
    let answer = it.get(&[("request-timeout-ms", "300")]).await;
    came(&answer, 200, "1", "fwd=stale; ttl=-");
}

#[tokio::test]
async fn requests_that_say_something_else_get_another_copy() {
    let it = setting(&[("cache-control", "public, max-age=60"), ("vary", "Accept-Language")]).await;
    came(&it.get(&[("accept-language", "de")]).await, 200, "1", "fwd=uri-miss");
    came(&it.get(&[("accept-language", "en")]).await, 200, "2", "fwd=vary-miss");
    came(&it.get(&[("accept-language", "de"), ("accept", "x/y")]).await, 200, "1", "hit");
    came(&it.get(&[("accept-language", "en")]).await, 200, "2", "hit");
}

#[tokio::test]
async fn an_answer_that_is_not_for_keeping_leaves_the_copies_for_others() {
    const GERMAN: &[(&str, &str)] = &[("cache-control", "public, max-age=60"), ("vary", "accept-language")];
    let it = setting(GERMAN).await;
    came(&it.get(&[("accept-language", "de")]).await, 200, "1", "fwd=uri-miss; stored");
    it.origin.says(200, &[("vary", "accept-language")]);
    came(&it.get(&[("accept-language", "en")]).await, 200, "2", "fwd=vary-miss");
    came(&it.get(&[("accept-language", "de")]).await, 200, "1", "hit");
}

#[tokio::test]
async fn who_has_the_copy_already_is_told_so() {
    let it = setting(FRESH).await;
    // Asked for whole, so that there is a copy to keep.
    came(&it.get(&[("if-none-match", "\"1\"")]).await, 304, "", "fwd=uri-miss; stored");
    came(&it.get(&[]).await, 200, "1", "hit");
    let known = it.get(&[("if-none-match", "\"0\", \"1\"")]).await;
    came(&known, 304, "", "hit");
    assert_eq!((known.header("etag"), known.header("content-type")), (Some("\"1\""), None));
    came(&it.get(&[("if-none-match", "\"0\"")]).await, 200, "1", "hit");
    let head = it.ask(Method::HEAD, PRODUCTS, &[]).await;
    came(&head, 200, "", "hit");
    assert_eq!(head.header("content-length"), Some("1"));
    assert_eq!(it.origin.count(), 1);
}

#[tokio::test]
async fn a_condition_reaches_a_service_whose_answers_are_not_for_keeping() {
    let it = setting(&[("cache-control", "private, no-cache"), ("etag", "\"1\"")]).await;
    it.get(&[("if-none-match", "\"1\"")]).await.expect(304);
    it.get(&[("if-none-match", "\"1\"")]).await.expect(304);
    assert_eq!(it.origin.last()["if-none-match"], "\"1\"");
}

#[tokio::test]
async fn a_request_may_want_no_copy_or_nothing_else() {
    let it = setting(FRESH).await;
    it.get(&[("cache-control", "only-if-cached")]).await.expect(504);
    assert_eq!(it.origin.count(), 0);
    it.get(&[("cache-control", "no-store")]).await.expect(200);
    came(&it.get(&[]).await, 200, "2", "fwd=uri-miss; stored");
    came(&it.get(&[("cache-control", "only-if-cached")]).await, 200, "2", "hit");
    it.origin.says(200, &[("cache-control", "public, max-age=60"), ("etag", "\"2\"")]);
    came(&it.get(&[("cache-control", "no-cache")]).await, 200, "3", "fwd=request; stored");
    came(&it.get(&[]).await, 200, "3", "hit");
    came(&it.get(&[("cache-control", "min-fresh=61")]).await, 200, "3", "fwd=request; fwd-status=304");
    for (name, value) in [("range", "bytes=0-0"), ("if-match", "\"2\"")] {
        let before = it.origin.count();
        it.get(&[(name, value)]).await;
        assert_eq!(it.origin.count(), before + 1, "{name}");
    }
}

#[tokio::test]
async fn a_change_makes_its_collection_forgotten() {
    let it = setting(FRESH).await;
    it.get(&[]).await;
    it.ask(Method::GET, "/api/store/v1/categories", &[]).await;
    for (method, path, status) in [
        (Method::PUT, "/api/store/v1/products/MUG-BLUE/price", 200),
        (Method::POST, "/api/store/v1/products/MUG-BLUE/withdrawal", 204),
        (Method::DELETE, "/api/store/v1/products/MUG-BLUE", 500),
    ] {
        it.origin.says(status, &[]);
        it.ask(method, path, &[]).await.expect(status);
        it.origin.says(200, FRESH);
        let anew = (it.origin.count() + 1).to_string();
        came(&it.get(&[]).await, 200, &anew, "fwd=uri-miss; stored");
        came(&it.get(&[]).await, 200, &anew, "hit");
    }
    came(&it.ask(Method::GET, "/api/store/v1/categories", &[]).await, 200, "2", "hit");
    // What was refused changed nothing.
    it.origin.says(409, &[]);
    it.ask(Method::PUT, "/api/store/v1/products/MUG-BLUE", &[]).await.expect(409);
    assert!(it.get(&[]).await.header("cache-status").unwrap().starts_with("gateway; hit"));
}

// What acted broke off before it said so, and says when it is asked again that there is nothing to be done.
#[tokio::test]
async fn a_change_whose_answer_is_lost_makes_its_collection_forgotten_though_its_repetition_is_refused() {
    const KEPT: Option<&str> =
        Some("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
    const GONE: Option<&str> = Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const CHANGED: Option<&str> =
        Some("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for (method, answers, status, how) in [
        (Method::DELETE, &[KEPT, None, GONE, KEPT][..], 404, "fwd=uri-miss; stored"),
        (Method::PUT, &[KEPT, None, CHANGED, KEPT], 412, "fwd=uri-miss; stored"),
        (Method::DELETE, &[KEPT, GONE, KEPT], 404, "hit"),
    ] {
        let (world, store) = (World::new().await, Scripted::start(answers).await);
        let places = discovery(&format!("store={}", store.address)).unwrap();
        let gateway = world.gateway_with(places, policies(), Limits::default()).await;
        let payload = json!({"sub": "alice", "scope": "store:read", "roles": ["customer"]}).to_string();
        world.auth.grants("good-alice", format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload)));
        came(&gateway.get(PRODUCTS, "good-alice").await, 200, "x", "fwd=uri-miss; stored");
        came(&gateway.get(PRODUCTS, "good-alice").await, 200, "x", "hit");
        let change = gateway.client.request(method, &format!("{PRODUCTS}/MUG-BLUE"), "good-alice");
        gateway.client.send(change.header("if-match", "\"1\"")).await.expect(status);
        came(&gateway.get(PRODUCTS, "good-alice").await, 200, "x", how);
    }
}

#[tokio::test]
async fn what_the_gateway_refuses_by_itself_changes_nothing() {
    let minute = std::time::Duration::from_mins(1);
    let fragile = routes(|route| {
        let breaker = &mut route.breaker.as_mut().unwrap().policy;
        (breaker.calls, breaker.open) = (1, minute);
    });
    let it = setting_with(FRESH, fragile).await;
    let product = "/api/store/v1/products/MUG-BLUE";
    it.get(&[]).await;
    let head = "Host: h\r\nAuthorization: Bearer good-alice\r\nContent-Length: 99999999\r\nConnection: close";
    let refused = raw::send(it.gateway.address(), &format!("PUT {product} HTTP/1.1\r\n{head}\r\n\r\n")).await;
    assert_eq!(raw::status(&refused), 413, "{refused}");
    came(&it.get(&[]).await, 200, "1", "hit");
    it.origin.says(500, &[]);
    it.ask(Method::PUT, product, &[]).await.expect(500);
    it.origin.says(200, FRESH);
    came(&it.get(&[]).await, 200, "3", "fwd=uri-miss; stored");
    assert_eq!(it.ask(Method::PUT, product, &[]).await.expect(503).code(), "circuit_open");
    came(&it.get(&[]).await, 200, "3", "hit");
}

#[tokio::test]
async fn what_was_asked_for_before_a_change_is_not_given_after_it() {
    let it = setting(FRESH).await;
    it.origin.holds(true);
    let client = it.gateway.client.clone();
    let early = tokio::spawn(async move { client.get(PRODUCTS, "good-alice").await });
    eventually(async || it.origin.count() == 1).await;
    let client = it.gateway.client.clone();
    let change = tokio::spawn(async move {
        client.send(client.request(Method::PUT, "/api/store/v1/products/MUG-BLUE", "good-sam")).await
    });
    eventually(async || it.origin.count() == 2).await;
    it.origin.holds(false);
    change.await.unwrap().expect(200);
    early.await.unwrap().expect(200);
    came(&it.get(&[]).await, 200, "3", "fwd=uri-miss; stored");
}

#[tokio::test]
async fn fifty_who_ask_for_the_same_make_one_question() {
    let it = setting(FRESH).await;
    it.origin.holds(true);
    let all = join_all((0..50).map(|_| it.get(&[])));
    let go = async {
        eventually(async || it.origin.count() == 1).await;
        it.origin.holds(false);
    };
    let (answers, ()) = tokio::join!(all, go);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == "1"));
    assert_eq!(it.origin.count(), 1);
    let joined = |answer: &&Answer| answer.header("cache-status").unwrap().contains("; collapsed");
    assert!(answers.iter().filter(joined).count() > 0);
}

#[tokio::test]
async fn what_is_not_for_keeping_is_not_waited_for() {
    let it = setting(&[("cache-control", "private, no-store")]).await;
    it.get(&[]).await;
    it.origin.holds(true);
    let all = join_all((0..8).map(|_| it.get(&[])));
    let go = async {
        // All at once, none after another.
        eventually(async || it.origin.count() == 9).await;
        it.origin.holds(false);
    };
    let (answers, ()) = tokio::join!(all, go);
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn when_who_asks_goes_away_another_asks() {
    let it = setting(FRESH).await;
    it.origin.holds(true);
    let client = it.gateway.client.clone();
    let first = tokio::spawn(async move { client.get(PRODUCTS, "good-alice").await });
    eventually(async || it.origin.count() == 1).await;
    let client = it.gateway.client.clone();
    let second = tokio::spawn(async move { client.get(PRODUCTS, "good-bob").await });
    first.abort();
    eventually(async || it.origin.count() == 2).await;
    it.origin.holds(false);
    came(&second.await.unwrap(), 200, "2", "fwd=uri-miss; stored");
}

#[tokio::test]
async fn who_asks_in_a_hurry_does_not_fail_for_those_who_wait() {
    let it = setting(FRESH).await;
    it.origin.holds(true);
    let hasty = it.get(&[("request-timeout-ms", "1000")]);
    let others = async {
        eventually(async || it.origin.count() == 1).await;
        join_all((0..8).map(|_| it.get(&[]))).await
    };
    let go = async {
        eventually(async || it.origin.count() > 1).await;
        it.origin.holds(false);
    };
    let (hasty, others, ()) = tokio::join!(hasty, others, go);
    assert_eq!(hasty.expect(504).code(), "upstream_timeout");
    assert!(others.iter().all(|answer| answer.status == 200 && answer.body == "2"));
    assert_eq!(it.origin.count(), 2);
}

#[tokio::test]
async fn a_stale_copy_is_better_than_an_answer_that_breaks_off() {
    use crate::services::Scripted;
    const STALE: &str = "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60, stale-if-error=600\r\nAge: 100\r\n\
         Content-Length: 4\r\nConnection: close\r\n\r\nfine";
    const BROKEN: &str =
        "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 9\r\nConnection: close\r\n\r\nfour";
    let it = setting(FRESH).await;
    let store = Scripted::start(&[Some(STALE), Some(BROKEN)]).await;
    let gateway = it.world.gateway(&format!("store={}", store.address)).await;
    came(&gateway.get(PRODUCTS, "good-alice").await, 200, "fine", "fwd=uri-miss; stored");
    came(&gateway.get(PRODUCTS, "good-alice").await, 200, "fine", "fwd=stale; ttl=-");
    assert_eq!(store.count(), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_kept() {
    use crate::services::{FINE, Scripted};
    const BROKEN: &str =
        "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 9\r\nConnection: close\r\n\r\nfour";
    let it = setting(FRESH).await;
    let store = Scripted::start(&[Some(BROKEN), FINE]).await;
    let gateway = it.world.gateway(&format!("store={}", store.address)).await;
    assert_eq!(gateway.get(PRODUCTS, "good-alice").await.expect(502).code(), "bad_answer");
    assert_eq!(gateway.get(PRODUCTS, "good-alice").await.expect(200).body, "fine");
}

#[tokio::test]
async fn what_is_too_large_passes_and_is_not_kept() {
    let world = World::new().await;
    let large = "x".repeat(600 * 1024);
    let body = large.clone();
    let answer = move || async move { ([("cache-control", "public, max-age=60")], body) };
    let store = Instance::start(Router::new().fallback(answer)).await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    world.auth.grants("good-a", format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode("{}")));
    for _ in 0..2 {
        let answer = gateway.get(PRODUCTS, "good-a").await.expect(200);
        assert_eq!((answer.header("cache-status"), answer.body == large), (Some("gateway; fwd=uri-miss"), true));
    }
}

#[tokio::test]
async fn copies_are_counted() {
    let it = setting(FRESH).await;
    it.get(&[]).await;
    it.get(&[]).await;
    let metrics = it.gateway.ops.get("/metrics", "").await.body;
    for line in ["gateway_cache_total{cache=\"usual\",result=\"hit\"}", "gateway_cache_bytes{cache=\"usual\"}"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}
