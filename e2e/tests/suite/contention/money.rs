//! Capture and void of one payment at once.

use e2e::{Answer, Shopper, invariants};
use futures::{StreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use super::{nobody_noticed, order_client, tally, word};
use crate::setting::{databases, own_suite};

const ROUNDS: usize = 200;
const AT_A_TIME: usize = 8;

/// A new payment, authorized, of an order that nobody placed.
async fn authorized(order: &Shopper, method: &str) -> String {
    let path = format!("/api/accounting/v1/payments/{}", Uuid::now_v7());
    let payment = json!({"customer_id": "01900000-0000-7000-8000-000000000001",
        "amount": {"amount": 1900, "currency": "EUR"}, "method": method});
    let payment = order.put(&path, payment).await.unwrap().expect(200).unwrap();
    assert_eq!(payment.text("state").unwrap(), "authorized");
    path
}

/// Both at once; who is sent first changes from round to round.
async fn capture_and_void(order: &Shopper, path: &str, round: usize) -> (Answer, Answer) {
    let capture = format!("{path}/capture");
    let (capture, void) = (order.post(&capture, json!({})), order.delete(path));
    let (captured, voided) = if round.is_multiple_of(2) {
        tokio::join!(capture, void)
    } else {
        let (voided, captured) = tokio::join!(void, capture);
        (captured, voided)
    };
    (captured.unwrap(), voided.unwrap())
}

#[tokio::test]
async fn of_a_capture_and_a_void_of_one_payment_exactly_one_wins_and_the_other_is_told_which() {
    let suite = own_suite().await;
    let order = order_client(&suite).await;
    let rounds = stream::iter(0..ROUNDS).map(async |round| {
        let path = authorized(&order, if round.is_multiple_of(5) { "tok_on_account" } else { "tok_ok" }).await;
        let (captured, voided) = capture_and_void(&order, &path, round).await;
        let ends = order.get(&path).await.unwrap().expect(200).unwrap().text("state").unwrap();
        // Asked again, each is answered as before.
        let (again_captured, again_voided) = capture_and_void(&order, &path, round + 1).await;
        assert_eq!((word(&captured), word(&voided)), (word(&again_captured), word(&again_voided)), "{path}");
        // Neither credit nor money of one round is in the way of the next.
        if ends == "captured" {
            order.post(&format!("{path}/refund"), json!({})).await.unwrap().expect(200).unwrap();
        }
        (word(&captured), word(&voided), ends)
    });
    let rounds: Vec<_> = rounds.buffer_unordered(AT_A_TIME).collect().await;
    let outcomes = tally(rounds.iter().map(|(captured, voided, ends)| (&**captured, &**voided, &**ends)));
    println!("{outcomes:?}");
    let captured = ("200", "already_captured", "captured");
    let voided = ("payment_voided", "204", "voided");
    let known = outcomes.keys().all(|outcome| [captured, voided].contains(outcome));
    assert!(known && outcomes.values().sum::<usize>() == ROUNDS, "{outcomes:?}");
    assert_eq!(invariants::inside(&databases(&suite)).await.unwrap(), Vec::<String>::new());
    nobody_noticed(&suite).await;
}
