//! `/v1/payments`: one after the other.

use contracts::OrderId;
use serde_json::{Value, json};
use testkit::Answer;
use time::Duration;

use crate::started::{Accounting, TOTAL, euro, payment, payment_of, payment_with};

const CAPTURED: &str = "accounting.payment.captured.v1";
const REFUNDED: &str = "accounting.payment.refunded.v1";

#[tokio::test]
async fn an_authorization_sets_the_money_aside_and_moves_none() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    let answer = accounting.authorize(order, "tok_ok").await.expect(200).json();
    assert_eq!((&answer["state"], &answer["amount"]), (&json!("authorized"), &json!(euro(TOTAL))));
    assert_eq!(accounting.charge(order).await, ("authorized".to_owned(), 0));
    assert_eq!(accounting.number("select count(*) from entry").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn each_command_takes_effect_once_however_often_it_is_asked() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    let first = accounting.authorize(order, "tok_ok").await.expect(200).body;
    assert_eq!(accounting.authorize(order, "tok_ok").await.expect(200).body, first);
    let first = accounting.capture(order).await.expect(200).body;
    assert_eq!(accounting.capture(order).await.expect(200).body, first);
    assert_eq!((accounting.balance("1200").await, accounting.balance("2100").await), (TOTAL, -TOTAL));
    assert_eq!(accounting.authorize(order, "tok_ok").await.expect(200).json()["state"], "captured");
    let first = accounting.refund(order).await.expect(200).body;
    assert_eq!(accounting.refund(order).await.expect(200).body, first);
    assert_eq!(accounting.capture(order).await.expect(200).json()["state"], "refunded");
    assert_eq!((accounting.balance("1200").await, accounting.balance("2100").await), (0, 0));
    assert_eq!((accounting.announced(CAPTURED).await, accounting.announced(REFUNDED).await), (1, 1));
    assert_eq!(accounting.charge(order).await, ("refunded".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn a_void_lets_the_money_go_and_the_payment_does_not_come_back() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_ok").await.expect(200);
    for _ in 0..2 {
        accounting.void(order).await.expect(204);
    }
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    assert_eq!(accounting.authorize(order, "tok_ok").await.expect(409).code(), "payment_voided");
    assert_eq!(accounting.capture(order).await.expect(409).code(), "payment_voided");
    assert_eq!(accounting.refund(order).await.expect(409).code(), "not_captured");
    accounting.end().await;
}

#[tokio::test]
async fn a_void_that_comes_before_its_authorization_is_remembered() {
    let accounting = Accounting::start().await;
    for method in ["tok_ok", "tok_on_account", "tok_declined"] {
        let order = OrderId::generate();
        accounting.void(order).await.expect(204);
        assert_eq!(accounting.authorize(order, method).await.expect(409).code(), "payment_voided");
        assert_eq!(accounting.capture(order).await.expect(409).code(), "payment_voided");
        accounting.void(order).await.expect(204);
    }
    assert_eq!(accounting.number("select count(*) from provider_charge").await, 0, "no money was asked for");
    accounting.end().await;
}

#[tokio::test]
async fn each_refusal_of_an_authorization_is_provoked_by_its_token_and_repeated_unchanged() {
    let accounting = Accounting::start().await;
    let too_much = payment_of(50_001, "tok_on_account");
    let refused = [
        (payment("tok_declined"), "payment_declined"),
        (payment("tok_insufficient_funds"), "insufficient_funds"),
        (too_much, "over_credit_limit"),
    ];
    for (body, code) in refused {
        let order = OrderId::generate();
        let first = accounting.put(order, &body).await.expect(422);
        assert_eq!(first.code(), code);
        assert_eq!(accounting.put(order, &body).await.expect(422).json(), first.json());
        assert_eq!(accounting.capture(order).await.expect(422).code(), code);
        assert_eq!(accounting.refund(order).await.expect(409).code(), "not_captured");
        accounting.void(order).await.expect(204);
        assert_eq!(accounting.state(order).await, "declined");
    }
    assert_eq!(accounting.number("select count(*) from entry").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_refused_capture_moves_no_money_and_can_be_voided() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_capture_declined").await.expect(200);
    for _ in 0..2 {
        assert_eq!(accounting.capture(order).await.expect(422).code(), "capture_declined");
    }
    accounting.void(order).await.expect(204);
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn what_is_captured_cannot_be_voided() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_ok").await;
    assert_eq!(accounting.void(order).await.expect(409).code(), "already_captured");
    accounting.refund(order).await.expect(200);
    assert_eq!(accounting.void(order).await.expect(409).code(), "already_captured");
    accounting.end().await;
}

#[tokio::test]
async fn an_authorization_expires_after_seven_days_and_can_then_only_be_voided() {
    let accounting = Accounting::start().await;
    let (early, late) = (OrderId::generate(), OrderId::generate());
    accounting.authorize(early, "tok_ok").await.expect(200);
    accounting.authorize(late, "tok_ok").await.expect(200);
    accounting.clock.advance(Duration::days(7) - Duration::minutes(1));
    accounting.capture(early).await.expect(200);
    accounting.clock.advance(Duration::minutes(1));
    let refused = accounting.capture(late).await.expect(409);
    assert_eq!(refused.code(), "authorization_expired");
    assert!(refused.json()["expired_at"].is_string());
    accounting.void(late).await.expect(204);
    assert_eq!(accounting.charge(late).await, ("voided".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn another_request_for_the_same_order_conflicts_and_changes_nothing() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_ok").await.expect(200);
    let others = [
        payment("tok_slow"),
        payment_of(TOTAL + 1, "tok_ok"),
        payment_with("amount", json!({"amount": TOTAL, "currency": "USD"})),
        payment_with("customer_id", json!(contracts::seed::BOB)),
    ];
    for other in others {
        assert_eq!(accounting.put(order, &other).await.expect(409).code(), "conflicting_request", "{other}");
    }
    assert_eq!(accounting.state(order).await, "authorized");
    accounting.end().await;
}

#[tokio::test]
async fn an_order_without_a_payment_has_nothing_to_capture_or_refund() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    for answer in [accounting.capture(order).await, accounting.refund(order).await] {
        assert_eq!(answer.expect(404).code(), "payment_not_found");
    }
    accounting.end().await;
}

#[tokio::test]
async fn payments_are_paged_from_the_newest_order_and_filtered_by_state() {
    let accounting = Accounting::start().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        let order = OrderId::generate();
        accounting.authorize(order, "tok_ok").await.expect(200);
        orders.push(order.to_string());
    }
    accounting.void(orders[2].parse().unwrap()).await.expect(204);
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.json()["items"].as_array().cloned().unwrap();
        items.iter().map(|it| it["order_id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = accounting.client.get(&format!("/v1/payments?limit=2{after}"), &accounting.sam()).await.expect(200);
        seen.extend(ids(&page));
        let Value::String(next) = page.json()["next"].clone() else { break };
        after = format!("&after={next}");
    }
    orders.reverse();
    assert_eq!(seen, orders);
    let voided = accounting.client.get("/v1/payments?state=voided", &accounting.sam()).await.expect(200);
    assert_eq!(ids(&voided), [orders[2].clone()]);
    accounting.end().await;
}
