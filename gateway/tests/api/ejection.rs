//! An instance that fails gets no requests for a while, and comes back slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use gateway::cache::Limits;
use gateway::config::discovery;
use testkit::eventually;

use crate::services::{Instance, nobody};
use crate::world::{Gateway, World, routes};

async fn gateway(world: &World, stores: &[&str]) -> Gateway {
    let setting: Vec<_> = stores.iter().map(|address| format!("store={address}")).collect();
    let policies = routes(|route| (route.breaker, route.retry) = (None, None));
    world.gateway_with(discovery(&setting.join(",")).unwrap(), policies, Limits::default()).await
}

#[tokio::test]
async fn an_instance_that_fails_is_left_alone_and_comes_back_when_it_is_well() {
    let world = World::new().await;
    let (broken, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (is_broken, counts) = (Arc::clone(&broken), Arc::clone(&asked));
    let failing = Instance::start(Router::new().fallback(async move || {
        counts.fetch_add(1, Ordering::SeqCst);
        if is_broken.load(Ordering::SeqCst) { StatusCode::BAD_GATEWAY } else { StatusCode::OK }
    }));
    let (failing, well) = (failing.await, Instance::echo("well").await);
    let gateway = gateway(&world, &[&failing.address, &well.address]).await;
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await;
        asked.load(Ordering::SeqCst) >= 5
    })
    .await;
    let metrics = gateway.ops.get("/metrics", "").await.body;
    assert!(metrics.contains("gateway_ejections_total{why=\"failures\"}"), "{metrics}");
    broken.store(false, Ordering::SeqCst);
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await.expect(200);
        asked.load(Ordering::SeqCst) > 10
    })
    .await;
}

#[tokio::test]
async fn when_all_fail_all_are_asked() {
    let world = World::new().await;
    let asked = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let mut instances = Vec::new();
    for nth in 0..2 {
        let asked = Arc::clone(&asked);
        let router = Router::new().fallback(async move || {
            asked[nth].fetch_add(1, Ordering::SeqCst);
            StatusCode::BAD_GATEWAY
        });
        instances.push(Instance::start(router).await);
    }
    let gateway = gateway(&world, &[&instances[0].address, &instances[1].address]).await;
    for _ in 0..60 {
        gateway.get("/api/store/v1/x", "good-1").await.expect(502);
    }
    assert!(asked.iter().all(|count| count.load(Ordering::SeqCst) >= 10), "{asked:?}");
}

#[tokio::test]
async fn a_name_with_several_addresses_leads_to_whoever_is_there() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    // Where `localhost` has two addresses, nobody listens at the second.
    let gateway = world.gateway(&format!("store={}", store.address.replace("127.0.0.1", "localhost"))).await;
    for _ in 0..20 {
        assert_eq!(gateway.arrived("/api/store/v1/x", "good-1").await.at, "store");
    }
    let nowhere = world.gateway(&format!("store={}", nobody().await.replace("127.0.0.1", "localhost"))).await;
    assert_eq!(nowhere.get("/api/store/v1/x", "good-1").await.expect(503).code(), "unreachable");
}
