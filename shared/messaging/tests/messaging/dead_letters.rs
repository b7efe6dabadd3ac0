//! Dead letters are listed, inspected and redriven by an operator, and it is recorded who did.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::extract::FromRef;
use messaging::dead_letters::{self, DeadLetters};
use testkit::{Client, Tokens, eventually, nats::Nats};
use uuid::Uuid;
use web::Verifier;

use crate::setting::{DEAD, Side, publish, writing_down};

#[derive(Clone)]
struct App {
    letters: DeadLetters,
    verifier: Verifier,
}

impl FromRef<App> for DeadLetters {
    fn from_ref(app: &App) -> Self {
        app.letters.clone()
    }
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

/// A store with a dead letter, and who asks it.
struct Scene {
    store: Side,
    client: Client,
    tokens: Tokens,
    broken: Arc<AtomicBool>,
    nats: Nats,
}

async fn one_dead_letter() -> Scene {
    let nats = testkit::nats::server().await;
    let tokens = Tokens::serve().await;
    let mut inventory = Side::open("inventory", &nats).await;
    let mut store = Side::open("store", &nats).await;
    let broken = Arc::new(AtomicBool::new(true));
    inventory.relay();
    store.consume(writing_down(&broken));
    inventory.announce("AAA", [7]).await;
    eventually(async || store.count(DEAD).await == 1).await;
    let app = App {
        letters: DeadLetters::of(writing_down(&broken), store.pool.clone()),
        verifier: Verifier::new("store", &tokens.issuer(), &tokens.auth_url()),
    };
    let router = dead_letters::router::<App>("store").split_for_parts().0.with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(axum::serve(listener, router).into_future());
    Scene { store, client, tokens, broken, nats }
}

#[tokio::test]
async fn after_the_last_attempt_an_event_is_set_aside_with_its_error_and_can_be_redriven() {
    let it = one_dead_letter().await;
    let operator = it.tokens.operator("store");
    let list = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
    let letter = &list["items"][0];
    assert_eq!(letter["error"], "broken on purpose");
    assert_eq!(letter["deliveries"], 6);
    let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    let whole = it.client.get(&path, &operator).await.expect(200).json();
    assert!(whole["body"].as_str().unwrap().contains("\"AAA\""));

    let still = it.client.post(&format!("{path}/redrive"), &operator, &()).await.expect(409);
    assert_eq!(still.code(), "redrive_failed");
    assert_eq!(it.store.count(DEAD).await, 1);

    it.broken.store(false, Ordering::Relaxed);
    let done = it.client.post(&format!("{path}/redrive"), &operator, &()).await.expect(200).json();
    assert_eq!(done["took_effect"], true);
    assert_eq!(it.store.effects("AAA").await, [7]);
    let whole = it.client.get(&path, &operator).await.expect(200).json();
    assert!(whole["redriven_by"].as_str().is_some_and(|by| by.parse::<Uuid>().is_ok()));

    let again = it.client.post(&format!("{path}/redrive"), &operator, &()).await.expect(409);
    assert_eq!(again.code(), "already_redriven");
    assert_eq!(it.store.effects("AAA").await, [7]);
    let waiting = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 0);
    let done = it.client.get("/v1/dead-letters?redriven=true", &operator).await.expect(200).json();
    assert_eq!(done["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_letter_redriven_after_the_event_took_effect_does_nothing() {
    let it = one_dead_letter().await;
    let operator = it.tokens.operator("store");
    it.broken.store(false, Ordering::Relaxed);
    let body: String = {
        let list = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
        let path = format!("/v1/dead-letters/{}", list["items"][0]["id"].as_str().unwrap());
        it.client.get(&path, &operator).await.expect(200).json()["body"].as_str().unwrap().to_owned()
    };
    publish(&it.nats, "inventory.stock.changed.v1", &body).await;
    eventually(async || it.store.effects("AAA").await == [7]).await;
    let list = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
    let path = format!("/v1/dead-letters/{}/redrive", list["items"][0]["id"].as_str().unwrap());
    let done = it.client.post(&path, &operator, &()).await.expect(200).json();
    assert_eq!(done["took_effect"], false);
    assert_eq!(it.store.effects("AAA").await, [7]);
}

#[tokio::test]
async fn only_an_operator_may_see_dead_letters() {
    let it = one_dead_letter().await;
    it.client.get("/v1/dead-letters", &it.tokens.staff("store")).await.expect(403);
    it.client.get("/v1/dead-letters", testkit::NOBODY).await.expect(401);
    it.client.get("/v1/dead-letters?limit=0", &it.tokens.operator("store")).await.expect(400);
    it.client.get("/v1/dead-letters?after=x", &it.tokens.operator("store")).await.expect(400);
    it.client.get("/v1/dead-letters/x", &it.tokens.operator("store")).await.expect(400);
    let unknown = format!("/v1/dead-letters/{}", Uuid::now_v7());
    it.client.get(&unknown, &it.tokens.operator("store")).await.expect(404);
}
