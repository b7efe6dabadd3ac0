//! What operators see of everything, and the same as metrics.

use std::time::Duration;

use gateway::cache::Limits;
use gateway::config::{DiscoverySetting, discovery};
use gateway::plans::Plan;
use gateway::policies::Policies;
use gateway::throttle::Rate;
use serde_json::{Value, json};
use testkit::{Contract, NOBODY, Tokens, eventually};

use crate::services::{Hang, Instance, nobody};
use crate::world::{Gateway, World, policies, routes};

const STATUS: &str = "/status";
const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

async fn gateway(world: &World, tokens: &Tokens, setting: &str) -> Gateway {
    world.auth.signs_as(tokens).await;
    world.auth.grants("olga", tokens.operator("gateway"));
    let policies = routes(|route| {
        route.shed.as_mut().unwrap().name = "status";
        route.breaker.as_mut().unwrap().policy.calls = 3;
        route.breaker.as_mut().unwrap().policy.open = Duration::from_mins(1);
        let bulkhead = &mut route.bulkhead.as_mut().unwrap().policy;
        (bulkhead.in_flight, bulkhead.queue, bulkhead.wait) = (2, 1, Duration::from_mins(1));
    });
    world.gateway_for(tokens.public_url(), discovery(setting).unwrap(), policies, Limits::default()).await
}

async fn status(gateway: &Gateway) -> Value {
    let answer = gateway.get(STATUS, "olga").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let status = answer.json();
    Contract::load(CONTRACT).check_response("GET", STATUS, 200, &status);
    status
}

fn service<'s>(status: &'s Value, name: &str) -> &'s Value {
    let services = status["services"].as_array().unwrap();
    services.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} in {status:#}"))
}

#[tokio::test]
async fn operators_see_rates_and_times_of_services_and_instances() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let store = Instance::echo("store").await;
    let gateway = gateway(&world, &tokens, &format!("store={}", store.address)).await;
    for _ in 0..20 {
        gateway.get("/api/store/v1/x", "good-1").await.expect(200);
    }
    gateway.get("/api/store/v1/x", NOBODY).await.expect(401);
    let status = status(&gateway).await;
    let store = service(&status, "store");
    assert_eq!(
        (&store["health"], &store["lately"]["answered"], &store["lately"]["failed"]),
        (&"well".into(), &21.into(), &0.into())
    );
    let instance = &store["instances"][0];
    assert_eq!((&instance["standing"], &instance["lately"]["answered"]), (&"serving".into(), &20.into()));
    for lately in [&store["lately"], &instance["lately"]] {
        let (p50, p99) = (lately["p50_ms"].as_f64().unwrap(), lately["p99_ms"].as_f64().unwrap());
        assert!(p50 <= p99 && lately["per_second"].as_f64().unwrap() > 0.0, "{lately}");
    }
    assert_eq!((&store["breakers"][0]["state"], &store["breakers"][0]["calls"]), (&"closed".into(), &20.into()));
    let cache = &status["token_cache"];
    assert_eq!(cache["hits"].as_u64().unwrap() + cache["joined"].as_u64().unwrap(), 19, "{cache}");
    assert!(status["limits"].as_array().unwrap().iter().any(|it| it["route"] == "/api/store/v1/"), "{status:#}");
}

#[tokio::test]
async fn what_hangs_is_seen_in_flight_and_in_line() {
    let (world, tokens, hang) = (World::new().await, Tokens::serve().await, Hang::default());
    let shipping = hang.instance().await;
    let gateway = gateway(&world, &tokens, &format!("shipping={}", shipping.address)).await;
    let hanging: Vec<_> = (0..3)
        .map(|_| {
            let client = gateway.client.clone();
            tokio::spawn(async move { client.get("/api/shipping/v1/rates", "good-1").await })
        })
        .collect();
    eventually(async || {
        let status = status(&gateway).await;
        let shipping = service(&status, "shipping").clone();
        let bulkhead = &shipping["bulkheads"][0];
        let seen = (&bulkhead["in_flight"], &bulkhead["places"], &bulkhead["waiting"], &bulkhead["queue"]);
        let in_flight = &shipping["instances"][0]["in_flight"];
        if seen == (&2.into(), &2.into(), &1.into(), &1.into()) && in_flight == 2 { Ok(()) } else { Err(shipping) }
    })
    .await;
    let place = format!("service=\"shipping\",instance=\"{}\"", &shipping.address["http://".len()..]);
    eventually(async || {
        let metrics = gateway.ops.get("/metrics", NOBODY).await.body;
        metrics.contains(&format!("gateway_instance_in_flight{{{place}}} 2\n"))
            && metrics.contains(&format!("gateway_instance_weight{{{place}}} 1\n"))
            && metrics.contains(&format!("gateway_instance_latency_seconds{{{place},quantile=\"0.99\"}} "))
    })
    .await;
    hang.let_go();
    for answer in hanging {
        answer.await.unwrap().expect(200);
    }
}

#[tokio::test]
async fn a_circuit_that_no_policy_names_any_more_makes_no_service_worse() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let store = Instance::start(axum::Router::new().fallback(async || http::StatusCode::INTERNAL_SERVER_ERROR)).await;
    let gateway = gateway(&world, &tokens, &format!("store={}", store.address)).await;
    for _ in 0..3 {
        gateway.get("/api/store/v1/x", "good-1").await.expect(500);
    }
    assert_eq!(service(&status(&gateway).await, "store")["breakers"][0]["state"], "open");
    let mut other = Policies::clone(&gateway.policies.load());
    for route in &mut other.routes {
        std::sync::Arc::make_mut(route).breaker.as_mut().unwrap().name = "other";
    }
    gateway.policies.store(other.into());
    let status = status(&gateway).await;
    let store = service(&status, "store");
    assert_eq!((&store["health"], &store["breakers"]), (&"well".into(), &json!([])));
}

#[tokio::test]
async fn what_is_gone_is_shown_with_nothing() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let registered = world.register("store", &store).await;
    let gateway = world.gateway_with(DiscoverySetting::Registry, routes(|_| {}), Limits::default()).await;
    gateway.finds("store").await;
    let place = format!("service=\"store\",instance=\"{}\"", &store.address["http://".len()..]);
    let rate = format!("gateway_instance_requests_per_second{{{place}}} ");
    let time = format!("gateway_instance_latency_seconds{{{place},quantile=\"0.5\"}} ");
    let are_zero = async |zero: bool| {
        let metrics = gateway.ops.get("/metrics", NOBODY).await.body;
        [&rate, &time].iter().all(|name| metrics.contains(*name) && metrics.contains(&format!("{name}0\n")) == zero)
    };
    eventually(async || are_zero(false).await).await;
    registered.withdraw().await;
    eventually(async || are_zero(true).await).await;
}

#[tokio::test]
async fn what_is_down_is_seen_to_be_down() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let gateway = gateway(&world, &tokens, &format!("order={}", nobody())).await;
    eventually(async || gateway.get("/api/order/v1/x", "good-1").await.expect(503).code() == "circuit_open").await;
    let status = status(&gateway).await;
    let order = service(&status, "order");
    assert_eq!((&status["health"], &order["health"]), (&"down".into(), &"down".into()));
    assert_eq!((&order["breakers"][0]["class"], &order["breakers"][0]["state"]), (&"read".into(), &"open".into()));
    assert_eq!(
        (&order["instances"][0]["standing"], &order["instances"][0]["weight"]),
        (&"ejected".into(), &0.0.into())
    );
    // No instance is known.
    assert_eq!(service(&status, "store")["health"], "down");
    assert!(order["lately"]["failed"].as_u64().unwrap() >= 3, "{order:#}");
}

#[tokio::test]
async fn only_operators_see_it() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let gateway = gateway(&world, &tokens, "store=http://127.0.0.1:9").await;
    world.auth.grants("sam", tokens.staff("gateway"));
    world.auth.grants("claims", tokens.user("gateway", contracts::seed::ALICE, &["customer"], "gateway:operate"));
    gateway.get(STATUS, NOBODY).await.expect(401);
    assert_eq!(gateway.get(STATUS, "sam").await.expect(403).code(), "insufficient_scope");
    assert_eq!(gateway.get(STATUS, "claims").await.expect(403).code(), "insufficient_role");
}

#[tokio::test]
async fn operators_see_what_plans_allow_and_who_is_near_that() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    world.auth.signs_as(&tokens).await;
    world.auth.grants("olga", tokens.operator("gateway"));
    world.auth.grants("good-demo", tokens.of_plan("store", "demo", "free", "alice"));
    world.auth.grants("good-idle", tokens.of_plan("store", "idle", "free", "bob"));
    let store = Instance::echo("store").await;
    // So slow that nothing comes back while a test runs.
    let slow = |requests| Rate { requests, seconds: 36_000 };
    let plans = [("free", Plan::new(Some(slow(10)), Some(slow(20)), Some(11))), ("internal", Plan::default())];
    let policies = Policies { plans: plans.into(), addresses: Some(slow(1_000)), ..policies() };
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_for(tokens.public_url(), setting, policies, Limits::default()).await;
    gateway.get("/api/store/v1/x", "good-idle").await.expect(200);
    for _ in 0..9 {
        gateway.get("/api/store/v1/x", "good-demo").await.expect(200);
    }
    let callers = status(&gateway).await["callers"].take();
    assert_eq!(
        callers["plans"],
        json!([{"name": "free", "client": slow(10), "user": slow(20), "day": 11}, {"name": "internal"}])
    );
    assert_eq!((&callers["address"], &callers["gateways"]), (&json!(slow(1_000)), &1.into()));
    let remembered = &callers["remembered"];
    assert_eq!(
        (&remembered["clients"], &remembered["users"], &remembered["addresses"]),
        (&2.into(), &2.into(), &1.into())
    );
    let near = |limit: &str, left, of, refused| json!({"limit": limit, "who": "demo", "left": left, "of": of, "refused": refused});
    // One in eleven is less than one in ten; of twenty for the user there are eleven.
    assert_eq!(callers["near"], json!([near("client", 1, 10, 0), near("day", 2, 11, 0)]));
    gateway.get("/api/store/v1/x", "good-demo").await.expect(200);
    gateway.get("/api/store/v1/x", "good-demo").await.expect(429);
    let callers = status(&gateway).await["callers"].take();
    assert_eq!(callers["near"], json!([near("client", 0, 10, 1), near("day", 1, 11, 0)]));
    eventually(async || {
        let metrics = gateway.ops.get("/metrics", NOBODY).await.body;
        metrics.contains("gateway_callers_near_limit{limit=\"client\"}")
            && metrics.contains("gateway_callers_remembered{limit=\"address\"}")
    })
    .await;
}
