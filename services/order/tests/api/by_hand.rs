//! `/v1/sagas/{order_id}/{name}/…`: what an operator can do about a saga that is stuck.

use contracts::{OrderId, seed};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, eventually};

use crate::{
    gateway::Do,
    started::{Suite, told},
};

/// With an alarm at the first silence, and a minute until it is asked again.
async fn alarmed_at_once() -> Suite {
    Suite::with(|config| {
        config.sagas.stuck_after_ms = 0;
        (config.sagas.retry_delay_ms, config.sagas.retry_delay_max_ms) = (60_000, 60_000);
    })
    .await
}

async fn stuck(suite: &Suite) -> OrderId {
    let order = suite.place().await;
    is_stuck(suite).await;
    order
}

async fn is_stuck(suite: &Suite) {
    let resting = "select count(*) from saga where stuck_since is not null and lease_holder is null";
    eventually(async || suite.number(resting).await == 1).await;
}

async fn retry(suite: &Suite, order: OrderId) -> Answer {
    let path = format!("/v1/sagas/{order}/checkout/retry");
    suite.order.client.send(suite.order.client.request(Method::POST, &path, &suite.olga())).await
}

async fn settle(suite: &Suite, order: OrderId, outcome: &str, reason: &str) -> Answer {
    let path = format!("/v1/sagas/{order}/checkout/settlement");
    let body = json!({"outcome": outcome, "reason": reason});
    suite.order.client.send(suite.order.client.request(Method::POST, &path, &suite.olga()).json(&body)).await
}

fn olga() -> String {
    seed::USERS.iter().find(|user| user.name == "olga").unwrap().id.to_string()
}

/// The only entry of the timeline that tells this.
fn entry<'a>(shown: &'a Value, what: &str) -> &'a Value {
    let mut entries = shown["timeline"].as_array().unwrap().iter().filter(|entry| entry["what"] == what);
    let entry = entries.next().unwrap_or_else(|| panic!("no {what}: {shown:#}"));
    assert!(entries.next().is_none(), "{what} twice: {shown:#}");
    entry
}

#[tokio::test]
async fn a_stuck_saga_is_asked_again_at_once_and_it_is_told_who_wanted_it() {
    let suite = alarmed_at_once().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = stuck(&suite).await;
    suite.gateway.always("POST accounting/capture", Do::Accept);
    assert_eq!(retry(&suite, order).await.expect(202).json()["step"], "capture payment");
    let shown = suite.becomes(order, "confirmed").await;
    let retried = entry(&shown, "retried");
    assert_eq!(retried["step"], "capture payment");
    assert_eq!(retried["detail"], json!({"by": olga()}));
    assert_eq!(suite.gateway.times(order, "POST accounting/capture"), 2);
    suite.end().await;
}

#[tokio::test]
async fn a_step_settled_as_done_lets_the_order_go_on_and_the_timeline_says_who_and_why() {
    let suite = alarmed_at_once().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = stuck(&suite).await;
    settle(&suite, order, "done", "captured at the provider, ticket 4711").await.expect(202);
    let shown = suite.becomes(order, "confirmed").await;
    let settled = entry(&shown, "settled");
    assert_eq!((&settled["step"], &settled["direction"]), (&"capture payment".into(), &"do".into()));
    let detail = json!({"by": olga(), "outcome": "done", "reason": "captured at the provider, ticket 4711"});
    assert_eq!(settled["detail"], detail);
    assert!(settled["at"].is_string());
    assert_eq!(suite.gateway.times(order, "POST accounting/capture"), 1, "nobody was asked again");
    assert_eq!(suite.number("select count(*) from saga where stuck_since is not null").await, 0);
    suite.end().await;
}

#[tokio::test]
async fn an_undo_settled_as_undone_lets_the_others_be_undone() {
    let suite = alarmed_at_once().await;
    suite.gateway.next("PUT accounting", &[Do::Refuse(409, "payment_declined")]);
    suite.gateway.always("DELETE inventory", Do::Refuse(409, "already_shipped"));
    let order = stuck(&suite).await;
    let answer = settle(&suite, order, "done", "the parcel came back").await.expect(409);
    assert_eq!(answer.code(), "outcome_does_not_fit");
    settle(&suite, order, "undone", "the parcel came back").await.expect(202);
    let shown = suite.becomes(order, "compensated").await;
    let settled = entry(&shown, "settled");
    assert_eq!((&settled["step"], &settled["direction"]), (&"reserve stock".into(), &"undo".into()));
    assert_eq!(told(&shown, "undone"), ["authorize payment", "check out cart"]);
    assert_eq!(shown["reason"]["code"], "payment_declined", "the reason of the undoing stays");
    suite.end().await;
}

#[tokio::test]
async fn what_is_not_stuck_is_not_touched() {
    let suite = alarmed_at_once().await;
    let ended = suite.confirmed().await;
    suite.gateway.next("PUT inventory", &[Do::Unavailable]);
    let waiting = suite.place().await;
    eventually(async || suite.number("select count(*) from saga_log where what = 'silent'").await == 1).await;
    let (log, epochs) = ("select count(*) from saga_log", "select sum(epoch)::bigint from saga");
    let before = (suite.number(log).await, suite.number(epochs).await);
    for order in [ended, waiting] {
        assert_eq!(retry(&suite, order).await.expect(409).code(), "not_stuck");
        assert_eq!(settle(&suite, order, "done", "why not").await.expect(409).code(), "not_stuck");
    }
    let nobodys = OrderId::generate();
    assert_eq!(retry(&suite, nobodys).await.expect(404).code(), "saga_not_found");
    assert_eq!(settle(&suite, nobodys, "done", "why not").await.expect(404).code(), "saga_not_found");
    assert_eq!((suite.number(log).await, suite.number(epochs).await), before);
    suite.execute("update saga set due_at = now() where ended_at is null").await;
    suite.becomes(waiting, "confirmed").await;
    suite.end().await;
}

#[tokio::test]
async fn a_settlement_without_a_good_reason_or_outcome_is_refused_and_changes_nothing() {
    let suite = alarmed_at_once().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = stuck(&suite).await;
    for (outcome, reason) in [("done", ""), ("done", "  "), ("done", "a\nb"), ("done", &"x".repeat(501)), ("lost", "x")]
    {
        let answer = settle(&suite, order, outcome, reason).await;
        assert_eq!(answer.status, 422, "{outcome} {reason:?}: {}", answer.body);
    }
    assert_eq!(settle(&suite, order, "undone", "it has to fit").await.expect(409).code(), "outcome_does_not_fit");
    assert_eq!(suite.number("select count(*) from saga where stuck_since is not null").await, 1);
    assert!(told(&suite.show(order).await, "settled").is_empty());
    settle(&suite, order, "done", "now it is").await.expect(202);
    suite.becomes(order, "confirmed").await;
    suite.end().await;
}

#[tokio::test]
async fn an_instance_that_is_asking_while_the_step_is_settled_writes_nothing() {
    let mut suite = alarmed_at_once().await;
    suite.gateway.next("POST accounting/capture", &[Do::Unavailable, Do::Hold]);
    let order = stuck(&suite).await;
    retry(&suite, order).await.expect(202);
    eventually(async || suite.gateway.times(order, "POST accounting/capture") == 2).await;
    settle(&suite, order, "done", "seen at the provider").await.expect(202);
    suite.becomes(order, "confirmed").await;
    let log = "select count(*) from saga_log";
    let before = suite.number(log).await;
    suite.gateway.release();
    let other = suite.another().await;
    // Ends when the call in flight has been answered.
    std::mem::replace(&mut suite.order, other).stop().await;
    assert!(suite.gateway.effects(order).contains(&"POST accounting/capture".to_owned()));
    assert_eq!(suite.number(log).await, before, "the answer came to one who had lost the saga");
    assert_eq!(suite.show(order).await["state"], "confirmed");
    suite.end().await;
}

#[tokio::test]
async fn several_operators_at_once_settle_it_once() {
    let suite = alarmed_at_once().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = stuck(&suite).await;
    let answers = futures::future::join_all((0..8).map(|_| settle(&suite, order, "done", "we all saw it"))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409, 409, 409]);
    let shown = suite.becomes(order, "confirmed").await;
    entry(&shown, "settled");
    suite.end().await;
}
