//! Dead letters are listed, inspected, redriven and discarded by an operator, and it is recorded who did.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::extract::FromRef;
use messaging::dead_letters::{self, DeadLetters};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Tokens, eventually, nats::Nats};
use uuid::Uuid;
use web::Verifier;

use crate::setting::{DEAD, Side, event, writing_down};

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

impl Scene {
    fn olga(&self) -> String {
        self.tokens.operator("store")
    }

    /// The first letter that waits.
    async fn letter(&self) -> Value {
        self.client.get("/v1/dead-letters", &self.olga()).await.expect(200).json()["items"][0].clone()
    }

    async fn actions(&self, query: &str) -> Vec<Value> {
        let page = self.client.get(&format!("/v1/dead-letter-actions{query}"), &self.olga()).await.expect(200).json();
        page["items"].as_array().unwrap().clone()
    }

    async fn insert_letter(&self, consumer: &str, body: &str) {
        let insert = "insert into messaging.dead_letter (id, consumer, subject, body, error, deliveries)
                      values ($1, $2, 'some.type.v1', $3, 'broken on purpose', 6)";
        let insert = sqlx::query(insert).bind(Uuid::now_v7()).bind(consumer).bind(body.as_bytes());
        insert.execute(&mut self.store.database.connect().await).await.unwrap();
    }
}

/// The subject of a user's token.
fn user(name: &str) -> Value {
    json!(contracts::seed::USERS.iter().find(|user| user.name == name).unwrap().id)
}

#[tokio::test]
async fn after_the_last_attempt_an_event_is_set_aside_with_its_error_and_can_be_redriven() {
    let it = one_dead_letter().await;
    let operator = it.tokens.operator("store");
    let list = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
    let letter = &list["items"][0];
    assert_eq!(letter["error"], "broken on purpose");
    assert_eq!((&letter["attempts"], &letter["deliveries"]), (&json!(18), &json!(6)));
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
    let done = it.client.get("/v1/dead-letters?state=redriven", &operator).await.expect(200).json();
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
    it.nats.publish("inventory.stock.changed.v1", &body).await;
    eventually(async || it.store.effects("AAA").await == [7]).await;
    let list = it.client.get("/v1/dead-letters", &operator).await.expect(200).json();
    let path = format!("/v1/dead-letters/{}/redrive", list["items"][0]["id"].as_str().unwrap());
    let done = it.client.post(&path, &operator, &()).await.expect(200).json();
    assert_eq!(done["took_effect"], false);
    assert_eq!(it.store.effects("AAA").await, [7]);
}

#[tokio::test]
async fn a_letter_is_inspected_with_its_headers_its_error_and_its_times() {
    let it = one_dead_letter().await;
    let letter = it.letter().await;
    let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    let whole = it.client.get(&path, &it.olga()).await.expect(200).json();
    let body: Value = serde_json::from_str(whole["body"].as_str().unwrap()).unwrap();
    assert_eq!(whole["headers"]["Nats-Msg-Id"], json!([body["id"]]));
    assert_eq!(whole["headers"]["Content-Type"], json!(["application/cloudevents+json"]));
    let times = ["published_at", "first_failed_at", "failed_at"].map(|time| {
        let text = whole[time].as_str().unwrap_or_else(|| panic!("no {time} in {whole:#}"));
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    });
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn every_redrive_is_recorded_with_who_when_and_what_came_of_it() {
    let it = one_dead_letter().await;
    let id = it.letter().await["id"].clone();
    let redrive = format!("/v1/dead-letters/{}/redrive", id.as_str().unwrap());
    it.client.post(&redrive, &it.olga(), &()).await.expect(409);
    it.broken.store(false, Ordering::Relaxed);
    let client = it.tokens.client("store", "reporting", "store:operate");
    it.client.post(&redrive, &client, &()).await.expect(200);
    // One that finds nothing to do is none.
    it.client.post(&redrive, &it.olga(), &()).await.expect(409);

    let olga = user("olga");
    let actions = it.actions(&format!("?dead_letter={}", id.as_str().unwrap())).await;
    let told = |action: &Value| ["action", "outcome", "detail", "subject", "client_id"].map(|key| action[key].clone());
    let expected = [
        json!(["redrive", "took_effect", null, "client:reporting", "reporting"]),
        json!(["redrive", "failed", "broken on purpose", olga, "demo"]),
    ];
    assert_eq!(actions.iter().map(|action| json!(told(action))).collect::<Vec<_>>(), expected);
    assert!(actions[0]["at"].as_str() > actions[1]["at"].as_str());
    assert!(it.actions(&format!("?dead_letter={}", Uuid::now_v7())).await.is_empty());
    let page = it.client.get("/v1/dead-letter-actions?limit=1", &it.olga()).await.expect(200).json();
    let rest = it.actions(&format!("?after={}", page["next"].as_str().unwrap())).await;
    assert_eq!((&page["items"][0], &rest[..]), (&actions[0], &actions[1..]));
}

#[tokio::test]
async fn the_database_refuses_to_change_what_was_recorded() {
    let it = one_dead_letter().await;
    let path = format!("/v1/dead-letters/{}/redrive", it.letter().await["id"].as_str().unwrap());
    it.client.post(&path, &it.olga(), &()).await.expect(409);
    for change in [
        "update messaging.dead_letter_action set subject = 'nobody'",
        "delete from messaging.dead_letter_action",
        "truncate messaging.dead_letter_action",
    ] {
        let refused = sqlx::query(change).execute(&mut it.store.database.connect().await).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().constraint(), Some("append_only"), "{change}");
    }
    // Nor can a letter go that something was done to.
    let gone = sqlx::query("delete from messaging.dead_letter").execute(&mut it.store.database.connect().await).await;
    assert_eq!(gone.unwrap_err().as_database_error().unwrap().constraint(), Some("dead_letter_action_letter"));
}

#[tokio::test]
async fn a_discarded_event_never_takes_effect_and_the_reason_is_kept() {
    let it = one_dead_letter().await;
    it.broken.store(false, Ordering::Relaxed);
    let path = format!("/v1/dead-letters/{}", it.letter().await["id"].as_str().unwrap());
    let discard = format!("{path}/discard");
    for bad in [json!({"reason": " "}), json!({"reason": "x".repeat(501)}), json!({"reason": "a\nb"}), json!({})] {
        assert_eq!(it.client.post(&discard, &it.olga(), &bad).await.status.as_u16() / 100, 4, "{bad}");
    }
    let reason = json!({"reason": "Made up by a load test"});
    let gone = it.client.post(&discard, &it.olga(), &reason).await.expect(200).json();
    assert_eq!(gone["discarded_by"], user("olga"));
    assert_eq!(it.client.post(&discard, &it.olga(), &reason).await.expect(409).code(), "already_discarded");
    let redrive = it.client.post(&format!("{path}/redrive"), &it.olga(), &()).await.expect(409);
    assert_eq!(redrive.code(), "already_discarded");
    let action = &it.actions("").await[0];
    assert_eq!((&action["outcome"], &action["detail"]), (&json!("discarded"), &reason["reason"]));
    let listed = it.client.get("/v1/dead-letters?state=discarded", &it.olga()).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // Published again, as after a crash of NATS; and then another, which shows that this one was seen.
    it.nats.publish("inventory.stock.changed.v1", gone["body"].as_str().unwrap()).await;
    it.nats.publish("inventory.stock.changed.v1", event("AAA", 8)).await;
    eventually(async || it.store.effects("AAA").await == [8]).await;
    assert_eq!(it.store.count(DEAD).await, 0);
}

#[tokio::test]
async fn of_two_who_redrive_a_letter_at_once_one_lets_it_take_effect() {
    let it = one_dead_letter().await;
    it.broken.store(false, Ordering::Relaxed);
    let path = format!("/v1/dead-letters/{}/redrive", it.letter().await["id"].as_str().unwrap());
    let olga = it.olga();
    let answers = futures::future::join_all((0..8).map(|_| it.client.post(&path, &olga, &()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().filter(|answer| answer.status != 200).all(|answer| answer.code() == "already_redriven"));
    assert_eq!((it.store.effects("AAA").await, it.actions("").await.len()), (vec![7], 1));
}

const CONSUMER: &str = "store-inventory-stock-changed-v1";

#[tokio::test]
async fn all_letters_of_a_reaction_are_redriven_within_bounds_and_one_that_fails_stops_no_other() {
    let it = one_dead_letter().await;
    it.broken.store(false, Ordering::Relaxed);
    for version in 8..=12 {
        it.insert_letter(CONSUMER, &event("AAA", version)).await;
    }
    it.insert_letter(CONSUMER, "not even JSON").await;
    it.insert_letter(CONSUMER, &event("AAA", 13)).await;
    it.insert_letter("store-order-confirmed-v1", &event("AAA", 14)).await;
    let redrive = async |body: &Value| it.client.post("/v1/dead-letter-redrives", &it.olga(), body).await;
    let some = redrive(&json!({"consumer": CONSUMER, "limit": 3})).await.expect(200).json();
    assert_eq!(some, json!({"took_effect": 3, "had_taken_effect": 0, "failed": 0, "waiting": 5}));
    assert_eq!(it.store.effects("AAA").await, [7, 8, 9]);
    let rest = redrive(&json!({"consumer": CONSUMER})).await.expect(200).json();
    assert_eq!(rest, json!({"took_effect": 4, "had_taken_effect": 0, "failed": 1, "waiting": 1}));
    assert_eq!(it.store.effects("AAA").await, [7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(it.actions("").await.len(), 8, "each is recorded by itself");
    let unknown = redrive(&json!({"consumer": "store-order-confirmed-v1"})).await.expect(409);
    assert_eq!(unknown.code(), "no_such_reaction");
    for bad in [json!({}), json!({"consumer": CONSUMER, "limit": 101}), json!({"consumer": "A B"})] {
        assert_eq!(redrive(&bad).await.status.as_u16() / 100, 4, "{bad}");
    }
}

#[tokio::test]
async fn letters_that_always_fail_keep_no_other_from_its_turn() {
    let it = one_dead_letter().await;
    it.broken.store(false, Ordering::Relaxed);
    let all = json!({"consumer": CONSUMER});
    it.client.post("/v1/dead-letter-redrives", &it.olga(), &all).await.expect(200);
    for body in ["no JSON", "nor this"] {
        it.insert_letter(CONSUMER, body).await;
    }
    for version in 8..=9 {
        it.insert_letter(CONSUMER, &event("AAA", version)).await;
    }
    let two = json!({"consumer": CONSUMER, "limit": 2});
    for (failed, took_effect) in [(2, 0), (0, 2), (2, 0)] {
        let done = it.client.post("/v1/dead-letter-redrives", &it.olga(), &two).await.expect(200).json();
        assert_eq!((&done["failed"], &done["took_effect"]), (&json!(failed), &json!(took_effect)), "{done}");
    }
    assert_eq!(it.store.effects("AAA").await, [7, 8, 9]);
}

#[tokio::test]
async fn letters_are_listed_page_by_page_and_by_reaction_and_type() {
    let it = one_dead_letter().await;
    for n in 0..6 {
        it.insert_letter(if n % 2 == 0 { CONSUMER } else { "store-order-confirmed-v1" }, &format!("{n}")).await;
    }
    let list = async |query: &str| it.client.get(&format!("/v1/dead-letters?{query}"), &it.olga()).await;
    let (mut seen, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let page = list(&query).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|letter| letter["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=3&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted());
    let count = async |query: &str| list(query).await.expect(200).json()["items"].as_array().unwrap().len();
    assert_eq!(count("consumer=store-order-confirmed-v1").await, 3);
    assert_eq!(count("subject=inventory.stock.changed.v1").await, 1);
    assert_eq!(count("state=discarded").await, 0);
    for bad in ["state=lost", "consumer=", "consumer=A%20B", "subject=%00"] {
        list(bad).await.expect(400);
    }
}

#[tokio::test]
async fn only_an_operator_may_see_or_settle_dead_letters() {
    let it = one_dead_letter().await;
    let id = it.letter().await["id"].as_str().unwrap().to_owned();
    let (one, reason) = (format!("/v1/dead-letters/{id}"), json!({"reason": "No more"}));
    let many = json!({"consumer": CONSUMER});
    let (redrive, discard) = (format!("{one}/redrive"), format!("{one}/discard"));
    let requests = [
        (Method::GET, "/v1/dead-letters", None),
        (Method::GET, &one, None),
        (Method::GET, "/v1/dead-letter-actions", None),
        (Method::POST, &redrive, None),
        (Method::POST, &discard, Some(&reason)),
        (Method::POST, "/v1/dead-letter-redrives", Some(&many)),
    ];
    let staff = it.tokens.user("store", Uuid::now_v7(), &["staff"], "store:read store:write store:operate");
    let customer = it.tokens.customer("store", contracts::seed::ALICE);
    let elsewhere = it.tokens.client("store", "reporting", "inventory:operate");
    for (method, path, body) in requests {
        let ask = async |token: &str| {
            let request = it.client.request(method.clone(), path, token);
            it.client.send(if let Some(body) = body { request.json(body) } else { request }).await
        };
        ask(testkit::NOBODY).await.expect(401);
        assert_eq!(ask(&staff).await.expect(403).code(), "insufficient_role", "{method} {path}");
        for token in [&customer, &it.tokens.staff("store"), &elsewhere] {
            assert_eq!(ask(token).await.expect(403).code(), "insufficient_scope", "{method} {path}");
        }
    }
    assert_eq!((it.store.count(DEAD).await, it.actions("").await.len()), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused() {
    let it = one_dead_letter().await;
    let olga = it.olga();
    for path in ["/v1/dead-letters?limit=0", "/v1/dead-letters?after=x", "/v1/dead-letters/x"] {
        it.client.get(path, &olga).await.expect(400);
    }
    for path in ["/v1/dead-letter-actions?dead_letter=x", "/v1/dead-letter-actions?after=x"] {
        it.client.get(path, &olga).await.expect(400);
    }
    let unknown = format!("/v1/dead-letters/{}", Uuid::now_v7());
    it.client.get(&unknown, &olga).await.expect(404);
    it.client.post(&format!("{unknown}/redrive"), &olga, &()).await.expect(404);
    it.client.post(&format!("{unknown}/discard"), &olga, &json!({"reason": "No more"})).await.expect(404);
}
