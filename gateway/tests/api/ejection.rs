//! An instance that fails gets no requests for a while, and comes back slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use gateway::cache::Limits;
use gateway::config::discovery;
use testkit::eventually;

use crate::services::{Instance, nobody};
use crate::world::{Gateway, SOON, World, routes};

async fn gateway(world: &World, stores: &[&str], first: Duration) -> Gateway {
    let setting: Vec<_> = stores.iter().map(|address| format!("store={address}")).collect();
    let mut policies = routes(|route| (route.breaker, route.retry) = (None, None));
    (policies.ejection.first, policies.ejection.longest) = (first, first);
    world.gateway_with(discovery(&setting.join(",")).unwrap(), policies, Limits::default()).await
}

/// Fails as long as it is broken.
#[derive(Clone, Default)]
struct Breakable {
    well: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    probed: Arc<AtomicUsize>,
}

impl Breakable {
    async fn instance(&self) -> Instance {
        let it = self.clone();
        let handler = async move |method: Method| {
            let count = if method == Method::HEAD { &it.probed } else { &it.asked };
            count.fetch_add(1, Ordering::SeqCst);
            if it.well.load(Ordering::SeqCst) { StatusCode::OK } else { StatusCode::BAD_GATEWAY }
        };
        Instance::start(Router::new().fallback(handler)).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn probed(&self) -> usize {
        self.probed.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn an_instance_that_fails_is_left_alone() {
    let world = World::new().await;
    let failing = Breakable::default();
    let (instance, well) = (failing.instance().await, Instance::echo("well").await);
    let gateway = gateway(&world, &[&instance.address, &well.address], Duration::from_mins(1)).await;
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await;
        failing.asked() == 5
    })
    .await;
    for _ in 0..50 {
        gateway.get("/api/store/v1/x", "good-1").await.expect(200);
    }
    assert_eq!((failing.asked(), failing.probed()), (5, 0));
}

#[tokio::test]
async fn whether_it_is_well_again_a_probe_finds_out_and_no_caller() {
    let world = World::new().await;
    let failing = Breakable::default();
    let (instance, well) = (failing.instance().await, Instance::echo("well").await);
    let gateway = gateway(&world, &[&instance.address, &well.address], SOON).await;
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await;
        failing.asked() == 5
    })
    .await;
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await.expect(200);
        failing.probed() >= 3
    })
    .await;
    assert_eq!(failing.asked(), 5);
}

#[tokio::test]
async fn an_instance_that_was_ejected_comes_back_when_it_is_well() {
    let world = World::new().await;
    let failing = Breakable::default();
    let (instance, well) = (failing.instance().await, Instance::echo("well").await);
    let gateway = gateway(&world, &[&instance.address, &well.address], SOON).await;
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await;
        failing.asked() >= 5
    })
    .await;
    failing.well.store(true, Ordering::SeqCst);
    let before = failing.asked();
    eventually(async || {
        gateway.get("/api/store/v1/x", "good-1").await.expect(200);
        failing.asked() > before + 5
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
    let gateway = gateway(&world, &[&instances[0].address, &instances[1].address], Duration::from_mins(1)).await;
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
    let nowhere = world.gateway(&format!("store={}", nobody().replace("127.0.0.1", "localhost"))).await;
    assert_eq!(nowhere.get("/api/store/v1/x", "good-1").await.expect(503).code(), "unreachable");
}
