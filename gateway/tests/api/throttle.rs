//! How much a caller may ask for, and how it learns where it stands.

use axum::{Json, Router};
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::{DiscoverySetting, discovery};
use gateway::plans::Plan;
use gateway::policies::Policies;
use gateway::throttle::Rate;
use serde_json::json;
use testkit::{Answer, Tokens, eventually};

use crate::services::Instance;
use crate::world::{Gateway, World, policies};

const PATH: &str = "/api/store/v1/products";

// So slow that nothing comes back while a test runs.
const fn slow(requests: u32) -> Rate {
    Rate { requests, seconds: 36_000 }
}

fn plans() -> Policies {
    Policies {
        plans: [
            ("free", Plan::new(Some(slow(6)), Some(slow(4)), None)),
            ("partner", Plan::new(Some(slow(40)), None, None)),
            ("internal", Plan::default()),
        ]
        .into(),
        ..policies()
    }
}

/// A gateway in front of a store, and auth that gives real claims.
struct Shop {
    world: World,
    tokens: Tokens,
    gateway: Gateway,
    _store: Instance,
}

async fn shop(policies: Policies) -> Shop {
    shop_of(Instance::echo("store").await, policies).await
}

async fn shop_of(store: Instance, policies: Policies) -> Shop {
    let world = World::new().await;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    Shop { world, tokens: Tokens::serve().await, gateway, _store: store }
}

impl Shop {
    /// A token of a client for a user.
    fn token(&self, client: &str, plan: &str, user: &str) -> String {
        let token = format!("good-{client}-{user}");
        self.world.auth.grants(&token, self.tokens.of_plan("store", client, plan, user));
        token
    }

    async fn get(&self, token: &str) -> Answer {
        self.gateway.get(PATH, token).await
    }

    /// Asks so often, and counts what is not refused.
    async fn passed(&self, token: &str, times: usize) -> usize {
        count(join_all((0..times).map(|_| self.get(token))).await)
    }
}

fn count(answers: Vec<Answer>) -> usize {
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status.as_u16())), "{answers:?}");
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test]
async fn every_governed_answer_says_what_is_left() {
    let shop = shop(plans()).await;
    let alice = shop.token("demo", "free", "alice");
    let first = shop.get(&alice).await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"client\";q=6;w=36000, \"user\";q=4;w=36000"));
    // A request of a client comes back after 6000 s, one of a user after 9000 s.
    assert_eq!(first.header("ratelimit"), Some("\"user\";r=3;t=9000, \"client\";r=5;t=6000"));
    let second = shop.get(&alice).await.expect(200);
    assert!(second.header("ratelimit").unwrap().starts_with("\"user\";r=2;t="), "{second:?}");
}

#[tokio::test]
async fn who_asks_too_often_is_refused_with_a_problem_that_says_when_to_come_again() {
    let shop = shop(plans()).await;
    let alice = shop.token("demo", "free", "alice");
    assert_eq!(shop.passed(&alice, 20).await, 4);
    let refused = shop.get(&alice).await.expect(429);
    assert_eq!(refused.code(), "rate_limited");
    let problem = refused.json();
    assert_eq!((&problem["source"], &problem["violated-policies"]), (&"gateway".into(), &json!(["user"])));
    let again: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((8_000..=9_000).contains(&again), "{again}");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"user\";r=0;t="), "{refused:?}");
    assert!(refused.header("ratelimit-policy").is_some());
}

#[tokio::test]
async fn a_user_beyond_the_limit_takes_nothing_from_the_others_and_all_share_the_clients() {
    let shop = shop(plans()).await;
    let [alice, bob] = ["alice", "bob"].map(|user| shop.token("demo", "free", user));
    assert_eq!(shop.passed(&alice, 50).await, 4);
    // What is left of the client's six.
    assert_eq!(shop.passed(&bob, 4).await, 2);
    let refused = shop.get(&shop.token("demo", "free", "carol")).await.expect(429).json();
    assert_eq!(refused["violated-policies"][0], "client");
    let elsewhere = shop.token("other", "free", "alice");
    assert_eq!(shop.passed(&elsewhere, 9).await, 4, "another client has limits of its own");
}

#[tokio::test]
async fn each_plan_has_limits_of_its_own_and_what_is_internal_has_none() {
    let shop = shop(plans()).await;
    let [partner, order] =
        [("reporting", "partner"), ("order", "internal")].map(|(client, plan)| shop.token(client, plan, "itself"));
    assert_eq!(shop.passed(&partner, 60).await, 40);
    assert_eq!(shop.passed(&order, 200).await, 200);
    assert_eq!(shop.get(&order).await.header("ratelimit"), None);
}

#[tokio::test]
async fn strangers_are_counted_by_address_and_who_is_known_is_not() {
    let shop = shop(Policies { addresses: Some(slow(10)), ..plans() }).await;
    let order = shop.token("order", "internal", "itself");
    shop.get(&order).await.expect(200);
    // Each of these would have been a question to auth.
    let bad: Vec<_> = (0..30).map(|n| format!("bad-{n}")).collect();
    let guesses = join_all(bad.iter().map(|token| shop.get(token))).await;
    let of = |status: u16| guesses.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(401), of(429)), (9, 21));
    let asked = bad.iter().map(|token| shop.world.auth.asked(token).len()).sum::<usize>();
    assert_eq!(asked, 9);
    for (path, token) in [(PATH, ""), (PATH, "bad-1"), (PATH, "no token at all"), ("/auth/login", "")] {
        let refused = shop.gateway.get(path, token).await.expect(429);
        assert_eq!(refused.code(), "rate_limited", "{path}");
        let again: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((3_000..=3_600).contains(&again), "{again}");
        assert_eq!(refused.header("ratelimit-policy"), Some("\"address\";q=10;w=36000"));
    }
    assert_eq!(shop.gateway.get("/api/registry/v1/services", "bad-x").await.expect(429).code(), "rate_limited");
    assert_eq!(shop.passed(&order, 50).await, 50);
}

#[tokio::test]
async fn a_joined_answer_counts_as_its_parts_and_says_what_is_left() {
    let catalogue = Router::new().fallback(|| async { Json(json!({"items": []})) });
    let shop = shop_of(Instance::start(catalogue).await, plans()).await;
    let alice = shop.token("demo", "free", "alice");
    let joined = shop.gateway.get("/api/mobile/v1/products", &alice).await.expect(200);
    assert_eq!(joined.header("ratelimit-policy"), Some("\"client\";q=6;w=36000, \"user\";q=4;w=36000"));
    assert!(joined.header("ratelimit").unwrap().starts_with("\"user\";r=3;t="), "{joined:?}");
    assert_eq!(shop.passed(&alice, 9).await, 3);
    let refused = shop.gateway.get("/api/mobile/v1/products", &alice).await.expect(429);
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"user\";r=0;t="), "{refused:?}");
}

#[tokio::test]
async fn a_changed_limit_holds_at_once() {
    let shop = shop(plans()).await;
    let alice = shop.token("demo", "free", "alice");
    assert_eq!(shop.passed(&alice, 9).await, 4);
    let more = Plan::new(Some(slow(100)), None, None);
    shop.gateway.policies.store(Policies { plans: [("free", more)].into(), ..plans() }.into());
    // Of the client's bucket two thirds are taken, whatever it holds.
    assert_eq!(shop.passed(&shop.token("demo", "free", "bob"), 99).await, 33);
}

#[tokio::test]
async fn with_two_gateways_the_limit_holds_in_sum() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let _registered = world.register("store", &store).await;
    let tokens = Tokens::serve().await;
    world.auth.grants("good-one", tokens.of_plan("store", "demo", "free", "alice"));
    let limited = Policies { plans: [("free", Plan::new(Some(slow(40)), None, None))].into(), ..policies() };
    let start = || world.gateway_with(DiscoverySetting::Registry, limited.clone(), Limits::default());
    let (one, other) = (start().await, start().await);
    // How much each gives a client that nobody has seen yet.
    let share = async |gateway: &Gateway| {
        let token = format!("good-{}", uuid::Uuid::now_v7().simple());
        world.auth.grants(&token, tokens.of_plan("store", &token, "free", "alice"));
        let told = gateway.get(PATH, &token).await;
        told.header("ratelimit").unwrap_or_default().split(';').nth(1).unwrap_or_default().to_owned()
    };
    for gateway in [&one, &other] {
        gateway.finds("store").await;
        eventually(async || share(gateway).await == "r=19").await;
    }
    let ask = |gateway: &Gateway| {
        let client = gateway.client.clone();
        async move { join_all((0..60).map(|_| client.get(PATH, "good-one"))).await }
    };
    let (at_one, at_other) = tokio::join!(ask(&one), ask(&other));
    assert_eq!((count(at_one), count(at_other)), (20, 20));
    // One goes: the other gives out the whole again.
    other.running.stop();
    eventually(async || share(&one).await == "r=39").await;
}
