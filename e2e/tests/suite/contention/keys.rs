//! One order, sent many times at once.

use e2e::{Purchase, Shopper};
use futures::future::join_all;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{at_rest, nobody_noticed, tally, word};
use crate::setting::{own_suite, shopper, state};

const TIMES: usize = 30;

async fn send(shopper: &Shopper, order: &Value, key: &str, wait: Option<&str>) -> e2e::Answer {
    let mut headers = vec![("Idempotency-Key", key)];
    headers.extend(wait.map(|wait| ("Prefer", wait)));
    shopper.send(Method::POST, "/api/order/v1/orders", Some(order.clone()), &headers).await.unwrap()
}

#[tokio::test]
async fn an_order_sent_thirty_times_at_once_with_one_key_is_one_order_with_one_answer() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    for wait in [None, Some("wait=5")] {
        let purchase = Purchase::of("NOTEBOOK-DOT");
        let cart = alice.fill_cart(&purchase).await.unwrap();
        let order = alice.order_for(&cart, &purchase).await.unwrap();
        let key = Uuid::now_v7().to_string();
        let answers = join_all((0..TIMES).map(|_| send(&alice, &order, &key, wait))).await;
        let words = tally(answers.iter().map(word));
        println!("{wait:?}: {words:?}");
        let possible: &[&str] = if wait.is_some() { &["201", "request_under_way"] } else { &["202"] };
        assert!(words.keys().all(|word| possible.contains(&&**word)), "{words:?}");
        let good: Vec<_> = answers.iter().filter(|answer| answer.status.is_success()).collect();
        assert!(!good.is_empty() && good.iter().all(|answer| answer.body == good[0].body));
        let ended = alice.ended(&good[0].text("id").unwrap()).await.unwrap();
        assert_eq!(state(&ended), "confirmed");
        // And every time after.
        let again = send(&alice, &order, &key, wait).await;
        assert_eq!((again.status, &again.body), (good[0].status, &good[0].body));
        let mine = alice.get("/api/order/v1/orders").await.unwrap().expect(200).unwrap();
        let of_the_cart = mine.body["items"].as_array().unwrap().iter().filter(|it| it["cart_id"] == cart.as_str());
        assert_eq!(of_the_cart.count(), 1);
    }
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}
