//! A service that fails is given time, and the others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use testkit::{Answer, eventually};

use crate::services::{Hang, Instance, nobody};
use crate::world::{Gateway, SOON, World, routes};

/// Fails as long as it is broken.
#[derive(Clone, Default)]
struct Breakable {
    broken: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Breakable {
    async fn instance(&self) -> Instance {
        let it = self.clone();
        let handler = async move || {
            it.asked.fetch_add(1, Ordering::SeqCst);
            if it.broken.load(Ordering::SeqCst) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
        };
        Instance::start(Router::new().fallback(handler)).await
    }
}

async fn gateway(world: &World, setting: &str, open: Duration) -> Gateway {
    named(world, setting, open, "usual", (LONG, LONG)).await
}

// All tests share one set of metrics: who looks at them has a policy of its own.
async fn named(
    world: &World,
    setting: &str,
    open: Duration,
    name: &'static str,
    (timeout, probe): (Duration, Duration),
) -> Gateway {
    let policies = routes(|route| {
        route.breaker.as_mut().unwrap().name = name;
        route.timeout = timeout;
        let breaker = &mut route.breaker.as_mut().unwrap().policy;
        (breaker.calls, breaker.open, breaker.probe) = (10, open, probe);
        breaker.slow_after = LONG;
    });
    world.gateway_with(discovery(setting).unwrap(), policies, Limits::default()).await
}

// Several at a time: where each request takes longer than the breaker is open, one at a time is always a probe.
async fn is_open(gateway: &Gateway) -> bool {
    let answers = join_all((0..5).map(|_| get(gateway))).await;
    answers.iter().any(|answer| answer.status == 503)
}

async fn get(gateway: &Gateway) -> Answer {
    gateway.get("/api/store/v1/x", "good-1").await
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn it_opens_at_the_share_answers_at_once_and_says_when_to_come_again() {
    let world = World::new().await;
    let store = Breakable::default();
    let (instance, order) = (store.instance().await, Instance::echo("order").await);
    let setting = format!("store={},order={}", instance.address, order.address);
    let gateway = named(&world, &setting, LONG, "watched", (LONG, LONG)).await;
    for _ in 0..5 {
        get(&gateway).await.expect(200);
    }
    store.broken.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        get(&gateway).await.expect(500);
    }
    let refused = get(&gateway).await.expect(503);
    assert_eq!((refused.code(), refused.header("retry-after")), ("circuit_open".into(), Some("60")));
    let problem = refused.json();
    assert_eq!((&problem["service"], &problem["class"]), (&"store".into(), &"read".into()));
    assert_eq!(problem["source"], "gateway");
    assert_eq!(store.asked.load(Ordering::SeqCst), 10);
    // Another class, another service.
    gateway.client.post("/api/store/v1/x", "good-1", &()).await.expect(500);
    gateway.get("/api/order/v1/x", "good-1").await.expect(200);
    let metrics = gateway.ops.get("/metrics", "").await.body;
    for (class, open) in [("read", 1), ("write", 0)] {
        for (state, value) in [("closed", 1 - open), ("open", open), ("half_open", 0)] {
            let labels = format!("service=\"store\",policy=\"watched\",class=\"{class}\",state=\"{state}\"");
            let line = format!("gateway_breaker_state{{{labels}}} {value}\n");
            assert!(metrics.contains(&line), "{line} in {metrics}");
        }
    }
}

#[tokio::test]
async fn it_closes_again_when_the_service_is_well() {
    let world = World::new().await;
    let store = Breakable::default();
    let instance = store.instance().await;
    store.broken.store(true, Ordering::SeqCst);
    let gateway = gateway(&world, &format!("store={}", instance.address), SOON).await;
    for _ in 0..10 {
        get(&gateway).await.expect(500);
    }
    // A probe may be between.
    eventually(async || is_open(&gateway).await).await;
    store.broken.store(false, Ordering::SeqCst);
    eventually(async || get(&gateway).await.status == 200).await;
    for _ in 0..20 {
        get(&gateway).await.expect(200);
    }
}

#[tokio::test]
async fn a_service_that_hangs_opens_it_and_callers_who_leave_do_not_keep_it_half_open() {
    let world = World::new().await;
    let hang = Hang::default();
    let instance = hang.instance().await;
    let setting = format!("store={}", instance.address);
    let gateway = named(&world, &setting, SOON, "usual", (SOON * 10, SOON)).await;
    let all = join_all((0..10).map(|_| get(&gateway))).await;
    assert!(all.iter().all(|answer| answer.status == 504));
    eventually(async || is_open(&gateway).await).await;
    // Probes whose callers go away, again and again.
    for _ in 0..20 {
        let leaving = get(&gateway);
        let _ = tokio::time::timeout(Duration::from_millis(20), leaving).await;
    }
    hang.let_go();
    eventually(async || get(&gateway).await.status == 200).await;
}

#[tokio::test]
async fn a_service_that_nobody_runs_is_no_failure_to_be_spared() {
    let world = World::new().await;
    let gateway = gateway(&world, &format!("order={}", nobody()), LONG).await;
    for _ in 0..30 {
        assert_eq!(get(&gateway).await.expect(503).code(), "no_instance");
    }
}
