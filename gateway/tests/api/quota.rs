//! What a client has for a day: counted by all gateways together, and on after a restart.

use futures::TryStreamExt;
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::plans::Plan;
use gateway::policies::Policies;
use testkit::{Answer, Tokens, eventually};

use crate::services::Instance;
use crate::world::{Gateway, World, policies};

const PATH: &str = "/api/store/v1/products";

struct Shop {
    world: World,
    tokens: Tokens,
    store: Instance,
    day: u32,
}

impl Shop {
    async fn open(day: u32) -> Self {
        let store = Instance::echo("store").await;
        Self { world: World::new().await, tokens: Tokens::serve().await, store, day }
    }

    async fn gateway(&self) -> Gateway {
        let policies = Policies { plans: [("free", Plan::new(None, None, Some(self.day)))].into(), ..policies() };
        let setting = discovery(&format!("store={}", self.store.address)).unwrap();
        self.world.gateway_with(setting, policies, Limits::default()).await
    }

    fn token(&self, client: &str) -> String {
        let token = format!("good-{}", client.len());
        self.world.auth.grants(&token, self.tokens.of_plan("store", client, "free", "alice"));
        token
    }
}

// Not more at a time than a service is let have.
async fn ask(gateway: &Gateway, token: &str, times: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    while answers.len() < times {
        let some = (times - answers.len()).min(50);
        answers.extend(join_all((0..some).map(|_| gateway.get(PATH, token))).await);
    }
    answers
}

async fn passed(gateway: &Gateway, token: &str, times: usize) -> usize {
    let answers = ask(gateway, token, times).await;
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status.as_u16())), "{answers:?}");
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn stop(gateway: Gateway) {
    gateway.running.stop();
    // Its address of health and metrics closes last.
    eventually(async || reqwest::get(format!("{}/healthz", gateway.running.ops)).await.is_err()).await;
}

#[tokio::test]
async fn a_day_goes_on_where_it_was_when_a_gateway_is_restarted() {
    let shop = Shop::open(700).await;
    let (demo, other) = (shop.token("demo"), shop.token("a client: with * any > letters."));
    let first = shop.gateway().await;
    assert_eq!(passed(&first, &demo, 300).await, 300);
    stop(first).await;
    let second = shop.gateway().await;
    assert_eq!(passed(&second, &demo, 600).await, 400);
    let refused = second.get(PATH, &demo).await.expect(429);
    assert_eq!((refused.code().as_str(), &refused.json()["source"]), ("quota_exhausted", &"gateway".into()));
    assert_eq!(refused.json()["violated-policies"][0], "day");
    let again: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&again), "{again}");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"day\";q=700;w=86400"));
    assert!(refused.header("ratelimit").unwrap().starts_with("\"day\";r=0;t="), "{refused:?}");
    assert_eq!(passed(&second, &other, 1).await, 1, "another client has a day of its own");
}

#[tokio::test]
async fn two_gateways_give_out_one_day_together() {
    let shop = Shop::open(500).await;
    let demo = shop.token("demo");
    let (one, other) = (shop.gateway().await, shop.gateway().await);
    let (at_one, at_other) = tokio::join!(passed(&one, &demo, 400), passed(&other, &demo, 400));
    assert!(at_one > 0 && at_other > 0);
    // Each may hold what is left of a chunk of five.
    assert!((492..=500).contains(&(at_one + at_other)), "{at_one} + {at_other}");
}

#[tokio::test]
async fn the_next_chunk_is_leased_before_anybody_waits_for_it() {
    let shop = Shop::open(4_000).await;
    let demo = shop.token("demo");
    let gateway = shop.gateway().await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(shop.world.nats.url()).await.unwrap());
    let booked = async || {
        let books = jetstream.get_key_value("quotas").await.ok()?;
        let day = books.keys().await.ok()?.try_next().await.ok()??;
        String::from_utf8(books.get(day).await.ok()??.to_vec()).ok()?.parse::<u32>().ok()
    };
    assert_eq!(passed(&gateway, &demo, 20).await, 20);
    assert_eq!(booked().await, Some(40), "half of the first chunk will do for now");
    assert_eq!(passed(&gateway, &demo, 5).await, 5);
    eventually(async || booked().await == Some(80)).await;
    assert_eq!(passed(&gateway, &demo, 35).await, 35);
    assert_eq!(booked().await, Some(80));
    stop(gateway).await;
    eventually(async || booked().await == Some(60)).await;
}

#[tokio::test]
async fn while_nats_is_away_calls_go_on_credit_and_are_counted_later() {
    let shop = Shop::open(50).await;
    let demo = shop.token("demo");
    let gateway = shop.gateway().await;
    assert_eq!(passed(&gateway, &demo, 10).await, 10);
    shop.world.nats.kill().await;
    assert_eq!(passed(&gateway, &demo, 30).await, 30);
    shop.world.nats.restart().await;
    // What is given out on credit tells of no more than itself.
    let mut nth = 0;
    eventually(async || {
        nth += 1;
        let told = gateway.get(PATH, &shop.token(&"x".repeat(100 + nth))).await;
        told.header("ratelimit").is_some_and(|told| told.starts_with("\"day\";r=49;"))
    })
    .await;
    assert_eq!(passed(&gateway, &demo, 30).await, 10);
    let next = shop.gateway().await;
    assert_eq!(passed(&next, &demo, 20).await, 0);
}
