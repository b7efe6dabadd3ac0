//! Every call of a client is announced once, so that it can be charged for.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{CloudEvent, gateway::CallsMetered};
use futures::future::join_all;
use gateway::cache::Limits;
use gateway::config::discovery;
use testkit::{Tokens, eventually};

use crate::services::{Hang, Instance};
use crate::world::{Gateway, World, policies};

type Told = BTreeMap<(String, String, u16), u32>;

struct Shop {
    world: World,
    tokens: Tokens,
    gateway: Gateway,
}

impl Shop {
    async fn open(store: &Instance) -> Self {
        let world = World::new().await;
        let setting = discovery(&format!("store={}", store.address)).unwrap();
        let gateway = world.gateway_with(setting, policies(), Limits::default()).await;
        Self { world, tokens: Tokens::serve().await, gateway }
    }

    fn token(&self, client: &str) -> String {
        let token = format!("good-{client}");
        self.world.auth.grants(&token, self.tokens.of_plan("store", client, "partner", "somebody"));
        token
    }

    async fn call(&self, path: &str, token: &str, times: usize) {
        join_all((0..times).map(|_| self.gateway.get(path, token))).await;
    }

    /// What was announced so far, in sum. Each event has an id of its own.
    async fn told(&self) -> anyhow::Result<Told> {
        let jetstream = async_nats::jetstream::new(async_nats::connect(self.world.nats.url()).await?);
        let mut stream = jetstream.get_stream("gateway").await?;
        let last = stream.info().await?.state.last_sequence;
        let (mut told, mut ids) = (Told::new(), BTreeSet::new());
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await?;
            let event: CloudEvent<CallsMetered> = serde_json::from_slice(&message.payload)?;
            assert!(ids.insert(event.id) && event.data.since <= event.data.until);
            assert_eq!(event.data.plan, "partner");
            for it in event.data.calls {
                *told.entry((event.data.client_id.clone(), it.route, it.status)).or_default() += it.count;
            }
        }
        Ok(told)
    }

    async fn will_be_told(&self, expected: &[(&str, &str, u16, u32)]) {
        let expected: Told = expected
            .iter()
            .map(|(client, route, status, count)| (((*client).to_owned(), (*route).to_owned(), *status), *count))
            .collect();
        eventually(async || {
            let told = self.told().await.map_err(|error| format!("{error:#}"))?;
            if told == expected { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await;
    }
}

const STORE: &str = "/api/store/v1/";
const ORDER: &str = "/api/order/v1/";

#[tokio::test]
async fn every_call_is_announced_once_by_client_route_and_status() {
    let store = Instance::echo("store").await;
    let shop = Shop::open(&store).await;
    let [demo, reporting] = ["demo", "reporting"].map(|client| shop.token(client));
    shop.call("/api/store/v1/x", &demo, 40).await;
    shop.call("/api/store/v1/y", &reporting, 7).await;
    shop.call("/api/order/v1/orders", &demo, 3).await;
    // Nobody's: no client is known.
    shop.call("/api/store/v1/x", "bad-1", 5).await;
    shop.call("/auth/login", "", 5).await;
    // At an orderly stop at the latest.
    shop.gateway.running.stop();
    shop.will_be_told(&[("demo", STORE, 200, 40), ("demo", ORDER, 503, 3), ("reporting", STORE, 200, 7)]).await;
}

#[tokio::test]
async fn what_nats_does_not_take_is_kept_and_announced_when_it_is_back() {
    let store = Instance::echo("store").await;
    let shop = Shop::open(&store).await;
    let demo = shop.token("demo");
    shop.call("/api/store/v1/x", &demo, 4).await;
    shop.world.nats.kill().await;
    shop.call("/api/store/v1/x", &demo, 30).await;
    shop.world.nats.restart().await;
    shop.call("/api/store/v1/x", &demo, 2).await;
    shop.will_be_told(&[("demo", STORE, 200, 36)]).await;
    shop.gateway.running.stop();
}

#[tokio::test]
async fn who_goes_away_before_the_answer_has_called_all_the_same() {
    let hang = Hang::default();
    let shop = Shop::open(&hang.instance().await).await;
    let demo = shop.token("demo");
    let request = reqwest::Client::new().get(format!("{}/api/store/v1/x", shop.gateway.url)).bearer_auth(&demo);
    let impatient = tokio::spawn(request.send());
    eventually(async || hang.inside() == 1).await;
    impatient.abort();
    eventually(async || hang.inside() == 0).await;
    shop.will_be_told(&[("demo", STORE, 499, 1)]).await;
    hang.let_go();
}
