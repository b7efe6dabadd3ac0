//! `/v1/orders/{order_id}/events`: server-sent events.

use std::{sync::Arc, time::Duration};

use contracts::OrderId;
use reqwest::Method;
use serde_json::Value;
use testkit::{Answer, eventually};

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, told, wanted},
};

/// Follows to the end of the stream.
async fn follow(suite: &Suite, order: OrderId, last_seen: Option<usize>) -> Answer {
    let request = suite.order.client.request(Method::GET, &format!("/v1/orders/{order}/events"), &suite.alice());
    let request = match last_seen {
        Some(last_seen) => request.header("Last-Event-ID", last_seen.to_string()),
        None => request,
    };
    let ended = tokio::time::timeout(Duration::from_mins(1), suite.order.client.send(request)).await;
    ended.expect("the stream ends")
}

/// The events of a stream: name, id and data.
fn events(answer: &Answer) -> Vec<(String, Option<usize>, Value)> {
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
    };
    let blocks = answer.body.split("\n\n").filter(|block| block.contains("event: "));
    blocks
        .map(|block| {
            let data = serde_json::from_str(&field(block, "data").unwrap()).unwrap();
            (field(block, "event").unwrap(), field(block, "id").map(|id| id.parse().unwrap()), data)
        })
        .collect()
}

async fn compensated(suite: &Suite) -> OrderId {
    suite.gateway.next("PUT shipping", &[Do::Refuse(422, "overweight")]);
    id(&suite.post(&any_key(), 5, &wanted()).await.expect(201))
}

#[tokio::test]
async fn the_stream_replays_the_timeline_and_ends_with_the_order() {
    let suite = Suite::start().await;
    let order = compensated(&suite).await;
    let answer = follow(&suite, order, None).await.expect(200);
    let timeline = suite.show(order).await["timeline"].as_array().unwrap().clone();
    let told: Vec<_> = events(&answer).into_iter().filter(|(name, ..)| name == "timeline").collect();
    assert_eq!(told.iter().map(|(.., data)| data).collect::<Vec<_>>(), timeline.iter().collect::<Vec<_>>());
    assert_eq!(told.iter().map(|(_, id, _)| id.unwrap()).collect::<Vec<_>>(), (1..=timeline.len()).collect::<Vec<_>>());
    assert_eq!(events(&answer).last().unwrap().2["state"], "compensated");
    suite.end().await;
}

#[tokio::test]
async fn the_stream_goes_on_after_the_last_event_seen_and_a_browser_is_told_to_stop_asking() {
    let suite = Suite::start().await;
    let order = compensated(&suite).await;
    let all = suite.show(order).await["timeline"].as_array().unwrap().len();
    let rest = follow(&suite, order, Some(all - 3)).await.expect(200);
    let ids: Vec<_> = events(&rest).iter().filter_map(|(_, id, _)| *id).collect();
    assert_eq!(ids, [all - 2, all - 1, all]);
    assert!(follow(&suite, order, Some(all)).await.expect(204).body.is_empty());
    suite.end().await;
}

#[tokio::test]
async fn what_happens_is_told_while_it_happens_by_whichever_instance() {
    let suite = Arc::new(
        Suite::with(|config| (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (5_000, 6_000)).await,
    );
    let other = suite.another().await;
    suite.gateway.next("PUT inventory", &[Do::Hold]);
    suite.gateway.next("PUT accounting", &[Do::Refuse(409, "payment_declined")]);
    let order = id(&suite.post_as(&other, &suite.alice(), &any_key(), 0, &wanted()).await.expect(202));
    let path = format!("{}/v1/orders/{order}/events", suite.order.address);
    let mut stream = reqwest::Client::new().get(path).bearer_auth(suite.alice()).send().await.unwrap();
    let mut seen = String::new();
    while !(seen.contains("reserve stock") && seen.contains("\"pending\"")) {
        seen += std::str::from_utf8(&stream.chunk().await.unwrap().expect("the stream goes on")).unwrap();
    }
    assert!(!seen.contains("payment_declined"));
    suite.gateway.release();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        seen += std::str::from_utf8(&chunk).unwrap();
    }
    assert!(seen.contains("payment_declined") && seen.contains("\"compensated\""), "{seen}");
    let shown = suite.show(order).await;
    assert_eq!(told(&shown, "undone").len(), 3);
    other.stop().await;
    Arc::into_inner(suite).unwrap().end().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_time_is_up_and_says_when_to_ask_again() {
    let suite = Suite::with(|config| config.stream_life_ms = 300).await;
    let order = suite.confirmed().await;
    let answer = follow(&suite, order, None).await.expect(200);
    assert!(answer.body.starts_with("retry: 1000\n"), "{}", answer.body);
    let told: Vec<_> = events(&answer).iter().filter_map(|(_, id, _)| *id).collect();
    let last = *told.last().unwrap();
    // The order goes on meanwhile: what comes next is told to who asks again.
    suite.cancel(order).await.expect(202);
    suite.becomes(order, "cancelled").await;
    let rest = follow(&suite, order, Some(last)).await.expect(200);
    assert_eq!(events(&rest).iter().find_map(|(_, id, _)| *id), Some(last + 1));
    assert_eq!(events(&rest).last().unwrap().2["state"], "cancelled");
    suite.end().await;
}

#[tokio::test]
async fn a_long_log_is_told_whole_by_the_stream_and_by_its_end_with_the_order() {
    let suite = Suite::start().await;
    let order = compensated(&suite).await;
    let before = suite.number(&format!("select log_length::bigint from orders where id = '{order}'")).await;
    suite
        .execute(&format!(
            "insert into saga_log (order_id, seq, saga, step, direction, attempt, what)
             select '{order}', {before} + nr, 'checkout', 'reserve stock', 'undo', nr, 'silent'
             from generate_series(1, 1200) nr;
             update orders set log_length = log_length + 1200 where id = '{order}'"
        ))
        .await;
    let shown = suite.show(order).await;
    let timeline = shown["timeline"].as_array().unwrap();
    assert_eq!((timeline.len(), shown["earlier_entries"].as_i64()), (1000, Some(before + 200)));
    assert_eq!(timeline.last().unwrap()["seq"], before + 1200);
    let ids: Vec<_> = events(&follow(&suite, order, None).await).iter().filter_map(|(_, id, _)| *id).collect();
    assert_eq!(ids, (1..=usize::try_from(before).unwrap() + 1200).collect::<Vec<_>>());
    suite.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_instance_stops() {
    let mut suite = Suite::start().await;
    let order = suite.confirmed().await;
    let path = format!("{}/v1/orders/{order}/events", suite.order.address);
    let mut stream = reqwest::Client::new().get(path).bearer_auth(suite.alice()).send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    let other = suite.another().await;
    let stopping = tokio::spawn(std::mem::replace(&mut suite.order, other).stop());
    while stream.chunk().await.unwrap().is_some() {}
    stopping.await.unwrap();
    suite.end().await;
}

#[tokio::test]
async fn another_customers_order_cannot_be_followed() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let path = format!("/v1/orders/{order}/events");
    assert_eq!(suite.order.client.get(&path, &suite.bob()).await.expect(404).code(), "order_not_found");
    let nobodys = format!("/v1/orders/{}/events", OrderId::generate());
    suite.order.client.get(&nobodys, &suite.sam()).await.expect(404);
    eventually(async || suite.number("select count(*) from saga where ended_at is null").await == 0).await;
    suite.end().await;
}
