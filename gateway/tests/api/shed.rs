//! A saturated service gets no more than it can do, and who is told to come back is told at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};
use std::time::Duration;

use axum::Router;
use futures::future::join_all;
use gateway::{cache::Limits, config::discovery, policies::Policies, shed::Policy};
use testkit::eventually;
use tokio::sync::Semaphore;

use crate::{
    services::Instance,
    world::{Gateway, World, routes},
};

const SETTINGS: Policy = Policy { least: 2, most: 8, start: 4, calm: Duration::from_millis(500), tolerance: 200 };

/// A service that holds every request until it is let go.
struct Held {
    door: Arc<Semaphore>,
    inside: Arc<AtomicUsize>,
    instance: Instance,
}

impl Held {
    async fn start() -> Self {
        let (door, inside) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (held, entered) = (Arc::clone(&door), Arc::clone(&inside));
        let answer = async move || {
            entered.fetch_add(1, Relaxed);
            held.acquire().await.unwrap().forget();
        };
        Self { instance: Instance::start(Router::new().fallback(answer)).await, door, inside }
    }
}

fn policies() -> Policies {
    routes(|route| route.shed.as_mut().unwrap().policy = SETTINGS)
}

async fn saturated(world: &World, store: &Instance) -> Gateway {
    let setting = discovery(&format!("store={0},accounting={0}", store.address)).unwrap();
    world.gateway_with(setting, policies(), Limits::default()).await
}

// Of a route that no other test uses: metrics are the process's.
async fn limit(gateway: &Gateway) -> Option<usize> {
    let metrics = gateway.ops.get("/metrics", "").await.body;
    let line = metrics.lines().find(|line| line.starts_with("gateway_shed_limit{route=\"/api/accounting/v1/\"}"));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok())
}

#[tokio::test]
async fn who_is_let_in_is_answered_and_who_is_not_is_told_before_the_token_is_looked_at() {
    let world = World::new().await;
    let store = Held::start().await;
    let gateway = saturated(&world, &store.instance).await;
    // Known as an operator from before.
    let chief = gateway.client.clone();
    let chief = tokio::spawn(async move { chief.get("/api/store/v1/x", "chief-1").await });
    eventually(async || world.auth.asked("chief-1").len() == 1).await;
    let inside: Vec<_> = (1..SETTINGS.start)
        .map(|n| {
            let client = gateway.client.clone();
            tokio::spawn(async move { client.get("/api/store/v1/x", &format!("good-{n}")).await })
        })
        .collect();
    eventually(async || store.inside.load(Relaxed) == SETTINGS.start).await;

    let refused = join_all((0..20).map(|_| gateway.get("/api/store/v1/x", "good-late"))).await;
    for answer in refused {
        let answer = answer.expect(503);
        assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("saturated", Some("1")));
        assert_eq!(answer.json()["source"], "gateway");
    }
    assert!(world.auth.asked("good-late").is_empty(), "a token was exchanged for nothing");
    // Its own pages and other services are not concerned, and operators are let in.
    gateway.get("/", "").await.expect(200);
    gateway.get("/auth/x", "").await.expect(200);
    let urgent = gateway.client.clone();
    let urgent = tokio::spawn(async move { urgent.get("/api/store/v1/x", "chief-1").await });

    store.door.add_permits(1_000);
    for answer in inside {
        answer.await.unwrap().expect(200);
    }
    chief.await.unwrap().expect(200);
    urgent.await.unwrap().expect(200);
    gateway.get("/api/store/v1/x", "good-late").await.expect(200);
}

#[tokio::test]
async fn the_limit_falls_with_slow_answers_and_recovers_with_fast_ones() {
    let world = World::new().await;
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&is_slow);
    let answer = async move || {
        if slow.load(Relaxed) {
            tokio::time::sleep(SETTINGS.calm * 3).await;
        }
    };
    let store = Instance::start(Router::new().fallback(answer)).await;
    let gateway = saturated(&world, &store).await;
    let round = async || {
        let answers = join_all((0..SETTINGS.most).map(|_| gateway.get("/api/accounting/v1/x", "good-1"))).await;
        assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status.as_u16())));
        assert!(answers.iter().any(|answer| answer.status == 200), "nobody is let in");
    };
    let grows = async || {
        round().await;
        limit(&gateway).await == Some(SETTINGS.most)
    };
    eventually(grows).await;
    is_slow.store(true, Relaxed);
    // How often it is thought over, and whether a look at the usual time comes between, is a matter of time.
    eventually(async || {
        round().await;
        limit(&gateway).await == Some(SETTINGS.least)
    })
    .await;
    is_slow.store(false, Relaxed);
    eventually(grows).await;
}

/// A service that does one thing after another, each when the test says so, and knows for how many others each request
/// waited there.
#[derive(Clone)]
struct Turns {
    next: Arc<Semaphore>,
    arrived: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    longest: Arc<AtomicUsize>,
}

impl Turns {
    fn none() -> Self {
        let [arrived, answered, longest] = [(); 3].map(|()| Arc::default());
        Self { next: Arc::new(Semaphore::new(0)), arrived, answered, longest }
    }

    async fn instance(&self) -> Instance {
        let turns = self.clone();
        // The semaphore is fair: who came first is first.
        let answer = async move || {
            let before = turns.answered.load(Relaxed);
            turns.arrived.fetch_add(1, Relaxed);
            turns.next.acquire().await.unwrap().forget();
            let waited = turns.answered.fetch_add(1, Relaxed) + 1 - before;
            turns.longest.fetch_max(waited, Relaxed);
        };
        Instance::start(Router::new().fallback(answer)).await
    }
}

// Three times as many come as are answered. For how many answers at the most did one wait that was let in?
async fn longest_wait(shed: Option<Policy>) -> usize {
    const ROUNDS: usize = 20;
    const EACH: usize = 3;
    let (world, turns) = (World::new().await, Turns::none());
    let store = turns.instance().await;
    let policies = routes(|route| match shed {
        Some(policy) => route.shed.as_mut().unwrap().policy = policy,
        None => route.shed = None,
    });
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    let (refused, mut callers) = (Arc::new(AtomicUsize::new(0)), Vec::new());
    for round in 1..=ROUNDS {
        for _ in 0..EACH {
            let (client, refused) = (gateway.client.clone(), Arc::clone(&refused));
            callers.push(tokio::spawn(async move {
                let status = client.get("/api/store/v1/x", "good-1").await.status.as_u16();
                assert!([200, 503].contains(&status), "{status}");
                refused.fetch_add((status == 503).into(), Relaxed);
            }));
        }
        eventually(async || turns.arrived.load(Relaxed) + refused.load(Relaxed) == round * EACH).await;
        turns.next.add_permits(1);
        eventually(async || turns.answered.load(Relaxed) == round).await;
    }
    turns.next.add_permits(ROUNDS * EACH);
    for caller in callers {
        caller.await.unwrap();
    }
    turns.longest.load(Relaxed)
}

#[tokio::test]
async fn who_is_let_in_waits_for_few_others_however_many_come() {
    let limit = Policy { least: 4, most: 4, ..SETTINGS };
    let waited = longest_wait(Some(limit)).await;
    assert!(waited <= limit.most, "for {waited} answers");
    // Without it the last waits for all that came and were not answered yet: two of three.
    let waited = longest_wait(None).await;
    assert!(waited >= 40, "for {waited} answers only");
}
