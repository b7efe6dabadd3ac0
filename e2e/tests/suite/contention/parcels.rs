//! Cancelling, dispatching and delivering one order at once.

use e2e::{Answer, Purchase, Shopper};
use futures::{StreamExt, stream};
use serde_json::json;

use super::{at_rest, nobody_noticed, tally, word};
use crate::setting::{entries, own_suite, shopper};

const ROUNDS: usize = 40;
const AT_A_TIME: usize = 8;

/// A confirmed order whose parcel is packed.
async fn packed(customer: &Shopper, staff: &Shopper) -> String {
    let order = customer.buy(&Purchase::of("MUG-GREEN")).await.unwrap();
    let id = order["id"].as_str().unwrap().to_owned();
    let shipment = format!("/api/shipping/v1/shipments/{id}");
    staff.see(&shipment, |shipment| shipment["state"] == "prepared").await.unwrap();
    id
}

async fn cancel(customer: &Shopper, id: &str) -> Answer {
    customer.post(&format!("/api/order/v1/orders/{id}/cancellation"), json!({})).await.unwrap()
}

async fn step(staff: &Shopper, id: &str, step: &str) -> Answer {
    staff.post(&format!("/api/shipping/v1/shipments/{id}/{step}"), json!({})).await.unwrap()
}

/// How the order ended, and why it could not be cancelled, when everybody has heard of everything.
async fn settled(customer: &Shopper, id: &str, goal: &str) -> (String, String) {
    let order = customer.until(id, |state| state == "cancelled" || state == goal).await.unwrap();
    let refused = order["cancellation_refused"]["code"].as_str().unwrap_or_default();
    (order["state"].as_str().unwrap().to_owned(), refused.to_owned())
}

fn sorted(mut words: [String; 2]) -> [String; 2] {
    words.sort();
    words
}

#[tokio::test]
async fn of_a_cancellation_and_a_dispatch_exactly_one_wins_and_the_other_is_told_why_not() {
    let suite = own_suite().await;
    let (alice, sam) = (shopper(&suite, "alice").await, shopper(&suite, "sam").await);
    let rounds = stream::iter(0..ROUNDS).map(async |round| {
        let id = packed(&alice, &sam).await;
        // Asked for at once, the dispatch is mostly faster; after the answer it races the saga.
        let (cancelled, dispatched) = if round.is_multiple_of(2) {
            tokio::join!(cancel(&alice, &id), step(&sam, &id, "dispatch"))
        } else {
            (cancel(&alice, &id).await, step(&sam, &id, "dispatch").await)
        };
        let (state, refused) = settled(&alice, &id, "dispatched").await;
        (word(&cancelled), word(&dispatched), state, refused)
    });
    let rounds: Vec<_> = rounds.buffer_unordered(AT_A_TIME).collect().await;
    let outcomes =
        tally(rounds.iter().map(|(cancel, dispatch, state, refused)| (&**cancel, &**dispatch, &**state, &**refused)));
    println!("{outcomes:?}");
    let possible = [
        ("202", "shipment_cancelled", "cancelled", ""),
        // Accepted, as the order had not heard of the dispatch; then refused by shipping.
        ("202", "200", "dispatched", "already_dispatched"),
        ("cannot_cancel", "200", "dispatched", ""),
    ];
    assert!(outcomes.keys().all(|outcome| possible.contains(outcome)), "{outcomes:?}");
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}

#[tokio::test]
async fn a_parcel_on_its_way_is_delivered_whoever_cancels_meanwhile() {
    let suite = own_suite().await;
    let (bob, sam) = (shopper(&suite, "bob").await, shopper(&suite, "sam").await);
    let rounds = stream::iter(0..ROUNDS).map(async |_| {
        let id = packed(&bob, &sam).await;
        // Before it is dispatched it cannot be delivered.
        assert_eq!(word(&step(&sam, &id, "deliver").await), "not_dispatched");
        step(&sam, &id, "dispatch").await.expect(200).unwrap();
        let (cancelled, delivered) = tokio::join!(cancel(&bob, &id), step(&sam, &id, "deliver"));
        let (state, refused) = settled(&bob, &id, "delivered").await;
        (word(&cancelled), word(&delivered), state, refused)
    });
    let rounds: Vec<_> = rounds.buffer_unordered(AT_A_TIME).collect().await;
    let outcomes =
        tally(rounds.iter().map(|(cancel, deliver, state, refused)| (&**cancel, &**deliver, &**state, &**refused)));
    println!("{outcomes:?}");
    let possible = [("202", "200", "delivered", "already_dispatched"), ("cannot_cancel", "200", "delivered", "")];
    assert!(outcomes.keys().all(|outcome| possible.contains(outcome)), "{outcomes:?}");
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}

#[tokio::test]
async fn two_cancellations_are_one_and_two_dispatches_are_one() {
    let suite = own_suite().await;
    let (carol, sam) = (shopper(&suite, "carol").await, shopper(&suite, "sam").await);
    let rounds = stream::iter(0..ROUNDS).map(async |_| {
        let (cancelled, sent) = (packed(&carol, &sam).await, packed(&carol, &sam).await);
        let cancels = tokio::join!(cancel(&carol, &cancelled), cancel(&carol, &cancelled));
        let sends = tokio::join!(step(&sam, &sent, "dispatch"), step(&sam, &sent, "dispatch"));
        assert_eq!(sorted([word(&cancels.0), word(&cancels.1)]), ["202", "202"]);
        assert_eq!(sorted([word(&sends.0), word(&sends.1)]), ["200", "200"]);
        assert_eq!(sends.0.body, sends.1.body);
        let order = carol.until(&cancelled, |state| state == "cancelled").await.unwrap();
        let refunds = entries(&order, "done").into_iter().filter(|it| it == "refund payment").count();
        assert_eq!(refunds, 1, "{order:#}");
        carol.until(&sent, |state| state == "dispatched").await.unwrap();
    });
    rounds.buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await;
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}
