//! `POST /v1/orders` with an `Idempotency-Key`.

use reqwest::Method;
use serde_json::json;
use testkit::eventually;

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, wanted},
};

const ORDERS: &str = "select count(*) from orders";

#[tokio::test]
async fn the_same_order_asked_twice_is_one_order_with_the_same_answer() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let first = suite.post(&key, 0, &wanted).await.expect(202);
    suite.becomes(id(&first), "confirmed").await;
    // In quotes, as the draft has it, it is the same key.
    for key in [key.clone(), format!("\"{key}\"")] {
        let again = suite.post(&key, 0, &wanted).await.expect(202);
        assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    }
    assert_eq!(suite.number(ORDERS).await, 1);
    suite.end().await;
}

#[tokio::test]
async fn an_answer_that_was_waited_for_is_given_again() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let first = suite.post(&key, 5, &wanted).await.expect(201);
    suite.cancel(id(&first)).await.expect(202);
    suite.becomes(id(&first), "cancelled").await;
    assert_eq!(suite.post(&key, 5, &wanted).await.expect(201).body, first.body);
    suite.end().await;
}

#[tokio::test]
async fn the_same_order_asked_many_times_at_once_is_one_order() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let answers = futures::future::join_all((0..20).map(|_| suite.post(&key, 0, &wanted))).await;
    assert!(answers.iter().all(|answer| answer.status == 202 && answer.body == answers[0].body), "{answers:?}");
    assert_eq!(suite.number(ORDERS).await, 1);
    suite.end().await;
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    suite.post(&key, 0, &wanted).await.expect(202);
    let mut other = wanted;
    other["payment"]["method"] = json!("tok_slow");
    assert_eq!(suite.post(&key, 0, &other).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(suite.number(ORDERS).await, 1);
    suite.end().await;
}

#[tokio::test]
async fn a_key_whose_first_request_is_not_answered_yet_is_refused_for_the_moment() {
    let suite = Suite::with(|config| {
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (5_000, 6_000);
    })
    .await;
    suite.gateway.next("PUT store", &[Do::Hold]);
    let (key, wanted) = (any_key(), wanted());
    let second = async {
        eventually(async || suite.number("select count(*) from saga_log").await > 0).await;
        let refused = suite.post(&key, 10, &wanted).await.expect(409);
        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("request_under_way", Some("1")));
        suite.gateway.release();
    };
    let (first, ()) = tokio::join!(suite.post(&key, 10, &wanted), second);
    assert_eq!(suite.post(&key, 10, &wanted).await.expect(201).body, first.expect(201).body);
    suite.end().await;
}

#[tokio::test]
async fn a_request_whose_instance_died_before_it_answered_is_answered_by_another() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let order = id(&suite.post(&key, 5, &wanted).await.expect(201));
    suite.execute("update idempotency_key set status = null, body = null, busy_until = now() - interval '1 s'").await;
    let answer = suite.post(&key, 5, &wanted).await.expect(201);
    assert_eq!((id(&answer), &answer.json()["state"]), (order, &json!("confirmed")));
    assert_eq!(suite.post(&key, 5, &wanted).await.expect(201).body, answer.body);
    suite.end().await;
}

#[tokio::test]
async fn without_a_key_or_with_one_that_cannot_be_used_nothing_is_ordered() {
    let suite = Suite::start().await;
    let request = || suite.order.client.request(Method::POST, "/v1/orders", &suite.alice()).json(&wanted());
    assert_eq!(suite.order.client.send(request()).await.expect(400).code(), "idempotency_key_required");
    for bad in [String::new(), "a b".to_owned(), "x".repeat(256), "\"\"".to_owned()] {
        let answer = suite.post(&bad, 0, &wanted()).await.expect(400);
        assert_eq!(answer.code(), "invalid_idempotency_key", "{bad}");
    }
    let twice = request().header("Idempotency-Key", "one").header("Idempotency-Key", "two");
    suite.order.client.send(twice).await.expect(400);
    assert_eq!(suite.number(ORDERS).await, 0);
    suite.end().await;
}

#[tokio::test]
async fn keys_belong_to_their_caller() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let alices = suite.post(&key, 0, &wanted).await.expect(202);
    let bobs = suite.post_as(&suite.order, &suite.bob(), &key, 0, &wanted).await.expect(202);
    assert_ne!(id(&alices), id(&bobs));
    suite.end().await;
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let suite = Suite::start().await;
    let (key, wanted) = (any_key(), wanted());
    let age = |hours: u32| format!("update idempotency_key set created_at = now() - interval '{hours} hours'");
    let first = id(&suite.post(&key, 0, &wanted).await.expect(202));
    suite.execute(&age(23)).await;
    assert_eq!(id(&suite.post(&key, 0, &wanted).await.expect(202)), first);
    suite.execute(&age(25)).await;
    assert_ne!(id(&suite.post(&key, 0, &wanted).await.expect(202)), first);
    suite.execute(&age(25)).await;
    // An instance that starts forgets what is old.
    let other = suite.another().await;
    eventually(async || suite.number("select count(*) from idempotency_key").await == 0).await;
    other.stop().await;
    suite.end().await;
}
