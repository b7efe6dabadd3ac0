//! `/v1/sagas`: how the sagas go, for operators.

use contracts::order::OrderStuck;
use serde_json::Value;
use testkit::{Client, NOBODY, eventually};

use crate::{
    gateway::Do,
    started::{Suite, any_key, wanted},
};

async fn sagas(suite: &Suite, query: &str) -> Vec<Value> {
    let path = format!("/v1/sagas?{query}");
    let page = suite.order.client.get(&path, &suite.olga()).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_operator_sees_what_is_stuck_and_where_until_it_goes_on() {
    let suite = Suite::start().await;
    suite.confirmed().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = suite.place().await;
    eventually(async || suite.announced::<OrderStuck>().await == 1).await;
    let stuck = sagas(&suite, "state=stuck").await;
    assert_eq!(stuck.len(), 1);
    assert_eq!((&stuck[0]["order_id"], &stuck[0]["step"]), (&order.to_string().into(), &"capture payment".into()));
    assert_eq!((&stuck[0]["state"], stuck[0]["stuck_since"].is_string()), (&"running".into(), true));
    suite.gateway.always("POST accounting/capture", Do::Accept);
    suite.becomes(order, "confirmed").await;
    assert!(sagas(&suite, "state=stuck").await.is_empty());
    assert_eq!(sagas(&suite, "state=done").await.len(), 2);
    suite.end().await;
}

#[tokio::test]
async fn what_is_stuck_is_a_metric() {
    let suite = Suite::start().await;
    suite.gateway.always("PUT store", Do::Refuse(409, "cart_empty"));
    suite.post(&any_key(), 5, &wanted()).await.expect(201);
    // The metric is the process's, which other tests share: its name is what can be asserted here.
    eventually(async || Client::new(&suite.order.ops).get("/metrics", NOBODY).await.body.contains("saga_stuck")).await;
    suite.end().await;
}

#[tokio::test]
async fn sagas_are_listed_page_by_page_and_by_state() {
    let suite = Suite::start().await;
    let cancelled = suite.confirmed().await;
    suite.cancel(cancelled).await.expect(202);
    suite.becomes(cancelled, "cancelled").await;
    suite.gateway.next("PUT store", &[Do::Refuse(409, "cart_empty")]);
    suite.post(&any_key(), 5, &wanted()).await.expect(201);
    let page = suite.order.client.get("/v1/sagas?limit=2", &suite.olga()).await.expect(200).json();
    let next = page["next"].as_str().unwrap();
    let names =
        |sagas: &[Value]| sagas.iter().map(|saga| saga["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(page["items"].as_array().unwrap()), ["checkout", "checkout"]);
    assert_eq!(names(&sagas(&suite, &format!("after={next}")).await), ["cancellation"]);
    let undone = sagas(&suite, "state=undone").await;
    assert_eq!((undone.len(), &undone[0]["reason"]["code"]), (1, &"cart_empty".into()));
    suite.order.client.get("/v1/sagas?after=x", &suite.olga()).await.expect(400);
    suite.order.client.get("/v1/sagas?state=lost", &suite.olga()).await.expect(400);
    suite.end().await;
}
