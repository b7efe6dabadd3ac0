//! What operators do about events that never took effect, through the gateway; and that nobody else can.

use contracts::{Event, order::OrderConfirmed, seed, shipping::ShipmentDispatched};
use e2e::{Answer, Purchase, Shopper};
use launch::suite::Suite;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::setting::{at_rest, own_suite, shared_suite, shopper, state};

const SERVICES: [&str; 5] = ["store", "inventory", "accounting", "shipping", "order"];

async fn publish(suite: &Suite, subject: &'static str, body: &str) {
    let jetstream = async_nats::jetstream::new(
        registry::connect(async_nats::ConnectOptions::new(), &suite.nats().url()).await.unwrap(),
    );
    jetstream.publish(subject, body.to_owned().into()).await.unwrap().await.unwrap();
}

async fn run_in_store(suite: &Suite, sql: &'static str) {
    let mut db = PgConnection::connect(&suite.database_url("store")).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
}

async fn waiting(olga: &Shopper, service: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/{service}/v1/dead-letters");
    let there = |page: &Value| page["items"].as_array().is_some_and(|letters| letters.len() == count);
    olga.see(&path, there).await.unwrap()["items"].as_array().unwrap().clone()
}

fn path(service: &str, letter: &Value) -> String {
    format!("/api/{service}/v1/dead-letters/{}", letter["id"].as_str().unwrap())
}

async fn outcomes(olga: &Shopper, service: &str) -> Vec<Value> {
    let actions = olga.get(&format!("/api/{service}/v1/dead-letter-actions")).await.unwrap().expect(200).unwrap();
    let actions = actions.body["items"].as_array().unwrap().clone();
    assert!(actions.iter().all(|action| action["subject"] == olgas_id()), "{actions:#?}");
    actions.into_iter().map(|action| action["outcome"].clone()).collect()
}

fn olgas_id() -> String {
    seed::USERS.iter().find(|user| user.name == "olga").unwrap().id.to_string()
}

async fn post(who: &Shopper, path: &str, body: Value) -> Answer {
    who.post(path, body).await.unwrap()
}

#[tokio::test]
async fn what_a_fault_kept_from_taking_effect_is_redriven_by_an_operator_when_the_fault_is_mended() {
    let suite = own_suite().await;
    let (alice, olga) = (shopper(&suite, "alice").await, shopper(&suite, "olga").await);
    // As after a faulty release: the store cannot count what it sells.
    run_in_store(&suite, "alter table product add constraint faulty check (sold = 0) not valid").await;
    let order = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!(state(&order), "confirmed", "what comes after the decision holds up no buyer");
    let letter = waiting(&olga, "store", 1).await.remove(0);
    assert_eq!((&letter["subject"], &letter["attempts"]), (&OrderConfirmed::TYPE.into(), &18.into()));
    assert!(letter["error"].as_str().unwrap().contains("faulty"), "{letter:#}");
    let letter = path("store", &letter);
    let whole = olga.get(&letter).await.unwrap().expect(200).unwrap().body;
    let event: Value = serde_json::from_str(whole["body"].as_str().unwrap()).unwrap();
    assert_eq!((&event["data"]["order_id"], &event["type"]), (&order["id"], &OrderConfirmed::TYPE.into()));
    assert_eq!(whole["headers"]["Nats-Msg-Id"], json!([event["id"]]));

    let redrive = format!("{letter}/redrive");
    let failed = post(&olga, &redrive, json!({})).await.expect(409).unwrap();
    assert_eq!(failed.body["code"], "redrive_failed");
    assert!(failed.body["detail"].as_str().unwrap().contains("faulty"), "{}", failed.body);
    run_in_store(&suite, "alter table product drop constraint faulty").await;
    let done = post(&olga, &redrive, json!({})).await.expect(200).unwrap();
    assert_eq!(done.body["took_effect"], true);
    let again = post(&olga, &redrive, json!({})).await.expect(409).unwrap();
    assert_eq!(again.body["code"], "already_redriven");
    let mut store = PgConnection::connect(&suite.database_url("store")).await.unwrap();
    let sold = sqlx::query_scalar("select sold from product where sku = 'MUG-BLUE'").fetch_one(&mut store);
    assert_eq!(sold.await.ok(), Some(1_i64));
    assert_eq!(outcomes(&olga, "store").await, ["took_effect", "failed"]);
    at_rest(&suite).await;
}

#[tokio::test]
async fn what_no_service_can_use_is_set_aside_by_each_and_discarded_by_an_operator_for_a_reason() {
    let suite = own_suite().await;
    let (alice, olga) = (shopper(&suite, "alice").await, shopper(&suite, "olga").await);
    publish(&suite, OrderConfirmed::TYPE, "not even JSON").await;
    publish(&suite, OrderConfirmed::TYPE, r#"{"type":"order.confirmed.v2"}"#).await;
    publish(&suite, ShipmentDispatched::TYPE, "nor this").await;
    publish(&suite, ShipmentDispatched::TYPE, r#"{"type":"shipping.shipment.dispatched.v2"}"#).await;
    let order = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!(state(&order), "confirmed");
    for (service, count) in SERVICES.into_iter().zip([2, 4, 2, 2, 2]) {
        let letters = waiting(&olga, service, count).await;
        let unknown = letters.iter().filter(|it| it["error"].as_str().unwrap().contains("unknown type or version"));
        assert_eq!(unknown.count(), count / 2, "{service}: {letters:#?}");
        // None of them is better by now, and each says so by itself.
        let redrive = format!("/api/{service}/v1/dead-letter-redrives");
        let many = post(&olga, &redrive, json!({"consumer": letters[0]["consumer"]})).await.expect(200).unwrap().body;
        assert_eq!(many, json!({"took_effect": 0, "had_taken_effect": 0, "failed": 2, "waiting": 2}));
        for letter in &letters {
            let discard = format!("{}/discard", path(service, letter));
            post(&olga, &discard, json!({})).await.expect(422).unwrap();
            let gone = post(&olga, &discard, json!({"reason": "Published by hand"})).await.expect(200).unwrap();
            assert_eq!(gone.body["discarded_by"], olgas_id());
            let redrive = post(&olga, &format!("{}/redrive", path(service, letter)), json!({})).await;
            assert_eq!(redrive.expect(409).unwrap().body["code"], "already_discarded");
        }
        waiting(&olga, service, 0).await;
        let told = outcomes(&olga, service).await;
        let count_of = |outcome: &str| told.iter().filter(|it| *it == outcome).count();
        assert_eq!((count_of("failed"), count_of("discarded"), told.len()), (2, count, count + 2), "{service}");
    }
    at_rest(&suite).await;
}

#[tokio::test]
async fn nobody_but_an_operator_sees_or_settles_dead_letters() {
    let suite = shared_suite().await;
    let nobody = Shopper::with_token(suite.public_url(), "").unwrap();
    let (alice, sam, olga) = (shopper(suite, "alice").await, shopper(suite, "sam").await, shopper(suite, "olga").await);
    let (one, reason) = (Uuid::now_v7(), json!({"reason": "No more"}));
    for service in SERVICES {
        let consumer = json!({"consumer": format!("{service}-nothing-v1")});
        // What an operator is answered says that the others were refused for who they are.
        let requests = [
            (Method::GET, "dead-letters".to_owned(), None, 200),
            (Method::GET, format!("dead-letters/{one}"), None, 404),
            (Method::POST, format!("dead-letters/{one}/redrive"), None, 404),
            (Method::POST, format!("dead-letters/{one}/discard"), Some(&reason), 404),
            (Method::POST, "dead-letter-redrives".to_owned(), Some(&consumer), 409),
            (Method::GET, "dead-letter-actions".to_owned(), None, 200),
        ];
        for (method, path, body, answer) in requests {
            let path = format!("/api/{service}/v1/{path}");
            for (who, status) in [(&nobody, 401), (&alice, 403), (&sam, 403), (&olga, answer)] {
                let asked = who.send(method.clone(), &path, body.cloned(), &[]).await.unwrap();
                assert_eq!(asked.status, status, "{method} {path}: {}", asked.body);
            }
        }
    }
}
