//! Answers joined from several services: whole, with parts missing, refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::extract::{Path, Query, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::plans::Plan;
use gateway::policies::Policies;
use gateway::throttle::Rate;
use serde_json::{Value, json};
use testkit::{Contract, NOBODY, Tokens, eventually};

use crate::services::{Hang, Instance, nobody};
use crate::world::{Gateway, World, routes};

const PAGE: &str = "/api/shop/v1/products/MUG-BLUE/page";

fn contract(api: &str) -> Contract {
    Contract::load(format!("{}/contracts/{api}.json", env!("CARGO_MANIFEST_DIR")))
}

fn product(sku: &str) -> Value {
    json!({"sku": sku, "name": "Blue mug", "description": "A mug.", "category": "tableware",
        "price": {"amount": 1200, "currency": "EUR"}, "weight_grams": 420, "withdrawn": false,
        "availability": {"status": "in_stock"}, "picture": "/v1/products/MUG-BLUE/picture", "version": 1})
}

async fn store() -> Instance {
    let one = async |headers: HeaderMap, Path(sku): Path<String>| {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer good-1.store."), "{headers:?}");
        if sku == "NONE" {
            return (StatusCode::NOT_FOUND, Json(json!({"status": 404, "code": "product_not_found"}))).into_response();
        }
        Json(product(&sku)).into_response()
    };
    let all = async |request: Request| {
        Json(json!({"items": [product("A"), product("B")], "next": request.uri().to_string()}))
    };
    Instance::start(Router::new().route("/v1/products/{sku}", get(one)).route("/v1/products", get(all))).await
}

async fn inventory() -> Instance {
    let level = async |headers: HeaderMap, Path(sku): Path<String>| {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer good-1.inventory."), "{headers:?}");
        Json(json!({"sku": sku, "on_hand": 7, "reserved": 2, "available": 5, "version": 1}))
    };
    Instance::start(Router::new().route("/v1/stock/{sku}", get(level))).await
}

async fn shipping() -> Instance {
    let estimate = async |Query(asked): Query<Vec<(String, String)>>| {
        let days =
            if asked == [("country".into(), "DE".into()), ("weight_grams".into(), "420".into())] { 2 } else { 9 };
        Json(json!({"options": [{"service": "standard", "price": {"amount": 490, "currency": "EUR"}, "days": days}]}))
    };
    Instance::start(Router::new().route("/v1/estimates", get(estimate))).await
}

/// A gateway that gives a whole so many milliseconds.
async fn gateway(world: &World, setting: &str, timeout: u64) -> Gateway {
    let mut policies = routes(|route| route.breaker.as_mut().unwrap().policy.calls = 3);
    for resource in &mut policies.resources {
        Arc::make_mut(resource).timeout = std::time::Duration::from_millis(timeout);
    }
    world.gateway_with(discovery(setting).unwrap(), policies, Limits::default()).await
}

const LONG: u64 = 60_000;

fn missing(page: &Value) -> Vec<(&str, &str)> {
    let missing = page["missing"].as_array().unwrap().iter();
    missing.map(|it| (it["part"].as_str().unwrap(), it["reason"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_page_is_joined_from_three_services_each_with_a_jwt_for_itself() {
    let world = World::new().await;
    let (store, inventory, shipping) = (store().await, inventory().await, shipping().await);
    let all = format!("store={},inventory={},shipping={}", store.address, inventory.address, shipping.address);
    let gateway = gateway(&world, &all, LONG).await;
    let answer = gateway.get(PAGE, "good-1").await.expect(200);
    let page = answer.json();
    contract("shop").check_response("GET", "/v1/products/MUG-BLUE/page", 200, &page);
    assert_eq!((&page["product"]["sku"], &page["product"]["price"]["amount"]), (&"MUG-BLUE".into(), &1200.into()));
    assert_eq!((&page["stock"]["available"], &page["shipping"][0]["days"]), (&5.into(), &2.into()));
    assert_eq!((&page["missing"], answer.header("cache-control")), (&json!([]), Some("no-store")));
    // What is not declared is not told.
    assert!(page["product"].get("version").is_none() && page["stock"].get("on_hand").is_none(), "{page}");
    let to_japan = gateway.get(&format!("{PAGE}?country=JP"), "good-1").await.expect(200).json();
    assert_eq!(to_japan["shipping"][0]["days"], 9);
    gateway.get(&format!("{PAGE}?country=JPN"), "good-1").await.expect(400);
    let odd = gateway.get("/api/shop/v1/products/A%26weight_grams=1/page", "good-1").await.expect(200).json();
    assert_eq!((&odd["product"]["sku"], &odd["shipping"][0]["days"]), (&"A&weight_grams=1".into(), &2.into()));
}

#[tokio::test]
async fn a_part_that_hangs_or_is_not_there_is_missing_and_the_rest_is_told_in_time() {
    let (world, hang) = (World::new().await, Hang::default());
    let (store, inventory, shipping) = (store().await, hang.instance().await, nobody());
    let all = format!("store={},inventory={},shipping={shipping}", store.address, inventory.address);
    let gateway = gateway(&world, &all, 4_000).await;
    let pages = join_all((0..3).map(|_| gateway.get(PAGE, "good-1"))).await;
    let page = pages.into_iter().next().unwrap().expect(200).json();
    contract("shop").check_response("GET", "/v1/products/MUG-BLUE/page", 200, &page);
    assert_eq!(page["product"]["name"], "Blue mug");
    assert_eq!(missing(&page), [("stock", "upstream_timeout"), ("shipping", "unreachable")]);
    assert!(page.get("stock").is_none() && page.get("shipping").is_none(), "{page}");
    // It is the gateway's own time, so the breaker learns from it: soon nothing is asked.
    eventually(async || {
        let page = gateway.get(PAGE, "good-1").await.expect(200).json();
        missing(&page) == [("stock", "circuit_open"), ("shipping", "circuit_open")]
    })
    .await;
    assert!(hang.arrived() >= 3);
    hang.let_go();
}

#[tokio::test]
async fn a_callers_own_time_is_kept_to_and_opens_no_circuit() {
    let (world, hang) = (World::new().await, Hang::default());
    let (store, inventory, shipping) = (store().await, hang.instance().await, shipping().await);
    let all = format!("store={},inventory={},shipping={}", store.address, inventory.address, shipping.address);
    let gateway = gateway(&world, &all, LONG).await;
    let ask = async || {
        let request = gateway.client.request(http::Method::GET, PAGE, "good-1").header("Request-Timeout-Ms", "3000");
        let page = gateway.client.send(request).await.expect(200).json();
        assert_eq!(missing(&page), [("stock", "upstream_timeout")]);
    };
    join_all((0..5).map(|_| ask())).await;
    ask().await;
    assert_eq!(hang.arrived(), 6);
    hang.let_go();
}

#[tokio::test]
async fn a_part_that_fails_or_answers_something_else_is_missing_with_the_reason() {
    let world = World::new().await;
    let store = store().await;
    let failing = Instance::start(
        Router::new()
            .fallback(async || (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"status": 500, "code": "internal"})))),
    )
    .await;
    let odd = Instance::start(Router::new().fallback(async || Json(json!({"options": [{"service": 1}]})))).await;
    let all = format!("store={},inventory={},shipping={}", store.address, failing.address, odd.address);
    let gateway = gateway(&world, &all, LONG).await;
    let page = gateway.get(PAGE, "good-1").await.expect(200).json();
    contract("shop").check_response("GET", "/v1/products/MUG-BLUE/page", 200, &page);
    assert_eq!(missing(&page), [("stock", "internal"), ("shipping", "not_as_declared")]);
    assert_eq!((&page["missing"][0]["status"], page.get("shipping")), (&500.into(), None));
}

#[tokio::test]
async fn the_refusal_of_a_required_part_is_that_of_the_whole_and_comes_at_once() {
    let (world, hang) = (World::new().await, Hang::default());
    let (store, inventory) = (store().await, hang.instance().await);
    let all = format!("store={},inventory={}", store.address, inventory.address);
    let gateway = gateway(&world, &all, LONG).await;
    // Stock hangs for ever, and is not waited for.
    let refused = gateway.get("/api/shop/v1/products/NONE/page", "good-1").await.expect(404);
    assert_eq!((refused.code(), &refused.json()["part"]), ("product_not_found".into(), &"product".into()));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    let refused = gateway.get(PAGE, NOBODY).await.expect(401);
    assert_eq!(
        (refused.code(), refused.header("www-authenticate")),
        ("token_required".into(), Some("Bearer realm=\"retail\""))
    );
    gateway.get(PAGE, "bad-1").await.expect(401);
    hang.let_go();
}

#[tokio::test]
async fn a_required_part_that_hangs_leaves_time_to_say_so() {
    let (world, hang) = (World::new().await, Hang::default());
    let (store, inventory, shipping) = (hang.instance().await, inventory().await, shipping().await);
    let all = format!("store={},inventory={},shipping={}", store.address, inventory.address, shipping.address);
    let gateway = gateway(&world, &all, 1_000).await;
    let late = gateway.get(PAGE, "good-1").await.expect(504);
    assert_eq!((late.code(), &late.json()["source"]), ("upstream_timeout".into(), &"gateway".into()));
    hang.let_go();
}

#[tokio::test]
async fn a_whole_may_be_kept_by_caches_only_if_every_part_may() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let page = async move || {
        let kept = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "public, max-age=30" } else { "private, max-age=30" };
        ([("cache-control", kept)], Json(json!({"items": [product("A")]})))
    };
    let store = Instance::start(Router::new().route("/v1/products", get(page))).await;
    let gateway = gateway(&world, &format!("store={}", store.address), LONG).await;
    for expected in ["public, max-age=30", "no-store"] {
        let answer = gateway.get("/api/mobile/v1/products", "good-1").await.expect(200);
        assert_eq!(answer.header("cache-control"), Some(expected));
    }
}

#[tokio::test]
async fn a_small_screen_gets_small_shapes_and_what_it_asks_goes_on() {
    let world = World::new().await;
    let orders = async || {
        Json(json!({"items": [{"id": "1", "state": "confirmed", "created_at": "2026-01-01T00:00:00Z", "lines": [],
            "total": {"amount": 5, "currency": "EUR"}}, {"id": "2", "state": "pending", "created_at": "2026-01-01T00:00:00Z"}]}))
    };
    let order = Instance::start(Router::new().route("/v1/orders", get(orders))).await;
    let (store, inventory, shipping) = (store().await, inventory().await, shipping().await);
    let all = format!(
        "store={},inventory={},shipping={},order={}",
        store.address, inventory.address, shipping.address, order.address
    );
    let gateway = gateway(&world, &all, LONG).await;
    let mobile = async |path: &str| {
        let answer = gateway.get(&format!("/api/mobile{path}"), "good-1").await.expect(200).json();
        contract("mobile").check_response("GET", path.split('?').next().unwrap(), 200, &answer);
        answer
    };
    let list = mobile("/v1/products?limit=2&q=a%26b&other=1").await;
    assert_eq!(
        list["items"][1],
        json!({"sku": "B", "name": "Blue mug", "amount": 1200, "currency": "EUR", "stock": "in_stock"})
    );
    assert_eq!(list["next"], "/v1/products?q=a%26b&limit=2");
    let one = mobile("/v1/products/A").await;
    assert_eq!((&one["sku"], &one["available"], &one["shipping"][0]["amount"]), (&"A".into(), &5.into(), &490.into()));
    let orders = mobile("/v1/orders").await;
    assert_eq!(orders["items"][1], json!({"id": "2", "state": "pending", "placed": "2026-01-01T00:00:00Z"}));
    let bad = gateway.get("/api/mobile/v1/products?limit=many", "good-1").await.expect(400).json();
    assert_eq!(bad["errors"][0]["field"], "limit");
}

#[tokio::test]
async fn a_part_counts_as_a_request_and_what_is_left_is_told() {
    let (world, tokens, store) = (World::new().await, Tokens::serve().await, store().await);
    let free = Plan::new(Some(Rate { requests: 2, seconds: 36_000 }), None, None);
    let policies = Policies { plans: [("free", free)].into(), ..routes(|_| {}) };
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    world.auth.grants("good-free", tokens.of_plan("store", "shop", "free", "alice"));
    for left in [1, 0] {
        let answer = gateway.get("/api/mobile/v1/products", "good-free").await.expect(200);
        let told = answer.header("ratelimit").unwrap();
        assert!(told.contains(&format!("r={left}")) && answer.header("ratelimit-policy").is_some(), "{told}");
    }
    let refused = gateway.get("/api/mobile/v1/products", "good-free").await.expect(429);
    assert!(refused.header("retry-after").is_some() && refused.json()["part"] == "page", "{refused:?}");
}

#[tokio::test]
async fn only_reading_is_joined_and_what_is_not_declared_is_not_there() {
    let world = World::new().await;
    let gateway = gateway(&world, "store=http://127.0.0.1:9", LONG).await;
    let refused = gateway.client.post(PAGE, "good-1", &()).await.expect(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    for path in ["/api/shop/v1/products/A", "/api/shop/v1/products//page", "/api/shop/v1/products/%2e%2e/page"] {
        let status = gateway.get(path, "good-1").await.status.as_u16();
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn both_contracts_are_the_committed_ones_and_among_the_others() {
    let world = World::new().await;
    let gateway = gateway(&world, "store=http://127.0.0.1:9", LONG).await;
    for (api, path) in [("shop", "/v1/products/{sku}/page"), ("mobile", "/v1/orders")] {
        let served = gateway.get(&format!("/docs/contracts/{api}.json"), NOBODY).await.expect(200).json();
        assert_eq!(served["paths"][path]["get"]["security"][0]["oauth2"].as_array().map(Vec::is_empty), Some(false));
        assert_eq!(served["servers"][0]["url"], format!("/api/{api}"));
        let declared = gateway::compose::contract::of(&gateway::policies::Policies::standard(), api).unwrap();
        let committed = format!("{}/contracts/{api}.json", env!("CARGO_MANIFEST_DIR"));
        testkit::assert_contract_is_committed(&declared.to_string(), committed);
    }
}

#[tokio::test]
async fn a_joined_answer_comes_as_xml_or_cbor_compressed_and_in_part() {
    let world = World::new().await;
    let (store, inventory, shipping) = (store().await, inventory().await, shipping().await);
    let setting = format!("store={},inventory={},shipping={}", store.address, inventory.address, shipping.address);
    let gateway = gateway(&world, &setting, 3_000).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(gateway.client.request(Method::GET, path, "good-1"), |it, (name, value)| it.header(*name, *value));
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map_or("", |it| it.to_str().unwrap()).to_owned();
        let told = [header("content-type"), header("content-encoding"), header("vary")];
        (answer.status().as_u16(), told, answer.bytes().await.unwrap())
    };
    let (status, [kind, ..], body) = ask(PAGE, &[("accept", "application/xml")]).await;
    assert_eq!((status, kind.as_str()), (200, "application/xml"));
    assert!(String::from_utf8_lossy(&body).contains("<available type=\"number\">5</available>"), "{body:?}");
    let (_, [kind, ..], body) = ask(PAGE, &[("accept", "application/cbor")]).await;
    let page: Value = ciborium::from_reader(&body[..]).unwrap();
    assert_eq!((kind.as_str(), &page["product"]["sku"]), ("application/cbor", &"MUG-BLUE".into()));
    let some = format!("{PAGE}?country=DE&fields=product.sku,stock");
    let (_, [_, encoding, vary], body) = ask(&some, &[]).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({"product": {"sku": "MUG-BLUE"}, "stock": {"available": 5}})
    );
    assert_eq!((encoding.as_str(), vary.contains("accept")), ("", true), "{vary}");
    // It is told again in `next`, so the answer is long enough.
    let long = format!("/api/mobile/v1/products?after={}", "x".repeat(1_000));
    let (_, [_, encoding, _], _) = ask(&long, &[("accept-encoding", "gzip")]).await;
    assert_eq!(encoding, "gzip");
    assert_eq!(ask(PAGE, &[("accept", "image/png")]).await.0, 406);
    assert_eq!(ask(&format!("{PAGE}?fields=,"), &[]).await.0, 400);
    let (status, [kind, ..], _) = ask("/api/shop/v1/products/NONE/page", &[("accept", "application/xml")]).await;
    assert_eq!((status, kind.as_str()), (404, "application/problem+xml"));
}

#[tokio::test]
async fn a_joined_answer_is_fresh_no_longer_than_what_is_left_of_its_parts() {
    let world = World::new().await;
    let old = async || ([("cache-control", "public, max-age=60"), ("age", "60")], Json(json!({"items": []})));
    let store = Instance::start(Router::new().route("/v1/products", get(old))).await;
    let gateway = gateway(&world, &format!("store={}", store.address), LONG).await;
    let answer = gateway.get("/api/mobile/v1/products", "good-1").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
}

#[tokio::test]
async fn who_wants_no_copy_of_a_joined_answer_gets_none_of_its_parts() {
    let (world, asked) = (World::new().await, Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let public = async move || {
        count.fetch_add(1, Ordering::SeqCst);
        ([("cache-control", "public, max-age=60")], Json(json!({"items": []})))
    };
    let store = Instance::start(Router::new().route("/v1/products", get(public))).await;
    let gateway = gateway(&world, &format!("store={}", store.address), LONG).await;
    // Who is known, so that copies may be kept.
    world.auth.grants("good-a", "e30.e30.c2ln".to_owned());
    for (wants, expected) in [("max-age=60", 1), ("max-age=60", 1), ("no-cache", 2), ("max-age=60", 2)] {
        let request = gateway.client.request(Method::GET, "/api/mobile/v1/products", "good-a");
        gateway.client.send(request.header("cache-control", wants)).await.expect(200);
        assert_eq!(asked.load(Ordering::SeqCst), expected, "{wants}");
    }
}

#[tokio::test]
async fn who_has_a_joined_answer_that_is_for_everybody_is_not_told_it_again() {
    let world = World::new().await;
    let public =
        async || ([("cache-control", "public, max-age=5")], Json(json!({"items": [], "next": "n".repeat(2_000)})));
    let store = Instance::start(Router::new().route("/v1/products", get(public))).await;
    let gateway = gateway(&world, &format!("store={}", store.address), 3_000).await;
    let answer = gateway.get("/api/mobile/v1/products", "good-1").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=5"));
    let tag = answer.header("etag").unwrap().to_owned();
    let again = gateway.client.request(Method::GET, "/api/mobile/v1/products", "good-1").header("if-none-match", &tag);
    let again = again.send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert!(again.bytes().await.unwrap().is_empty());
    // In whatever form it comes it has the same tag, but weak where the bytes are others.
    let small =
        gateway.client.request(Method::GET, "/api/mobile/v1/products", "good-1").header("accept-encoding", "br");
    let small = small.send().await.unwrap();
    let said = ["content-encoding", "etag"].map(|name| small.headers()[name].to_str().unwrap());
    assert_eq!(said, ["br", &format!("W/{tag}")]);
    let other =
        gateway.client.request(Method::GET, "/api/mobile/v1/products", "good-1").header("if-none-match", "\"other\"");
    assert_eq!(other.send().await.unwrap().status().as_u16(), 200);
}
