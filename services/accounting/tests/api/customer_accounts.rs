//! `/v1/customer-accounts`: buying on account.

use contracts::{OrderId, seed};
use serde_json::{Value, json};
use testkit::Answer;
use uuid::Uuid;

use crate::started::{Accounting, TOTAL, euro, payment_of};

fn path(customer: impl std::fmt::Display) -> String {
    format!("/v1/customer-accounts/{customer}")
}

async fn standing(accounting: &Accounting) -> (Value, Value, Value) {
    let account = accounting.client.get(&path(seed::ALICE), &accounting.alice()).await.expect(200).json();
    (account["credit_limit"].clone(), account["outstanding"].clone(), account["held"].clone())
}

async fn receive(accounting: &Accounting, id: Uuid, cents: i64) -> Answer {
    let url = format!("{}/receipts/{id}", path(seed::ALICE));
    accounting.client.put(&url, &accounting.sam(), &json!({"amount": euro(cents)})).await
}

fn cents(limit: i64, outstanding: i64, held: i64) -> (Value, Value, Value) {
    (json!(euro(limit)), json!(euro(outstanding)), json!(euro(held)))
}

#[tokio::test]
async fn the_demonstration_gives_alice_credit_of_500_euros() {
    let accounting = Accounting::start().await;
    assert_eq!(standing(&accounting).await, cents(50_000, 0, 0));
    assert_eq!(accounting.number("select count(*) from customer_account").await, 1);
    accounting.end().await;
}

#[tokio::test]
async fn credit_is_held_by_an_authorization_owed_after_the_capture_and_free_after_the_receipt() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_on_account").await.expect(200);
    assert_eq!(standing(&accounting).await, cents(50_000, 0, TOTAL));
    accounting.capture(order).await.expect(200);
    assert_eq!(standing(&accounting).await, cents(50_000, TOTAL, 0));
    assert_eq!(accounting.balance("1100").await, TOTAL);
    let id = Uuid::now_v7();
    let first = receive(&accounting, id, 1_000).await.expect(200).body;
    assert_eq!(receive(&accounting, id, 1_000).await.expect(200).body, first);
    assert_eq!(receive(&accounting, id, 1_001).await.expect(409).code(), "conflicting_request");
    assert_eq!(standing(&accounting).await, cents(50_000, TOTAL - 1_000, 0));
    assert_eq!((accounting.balance("1000").await, accounting.balance("1100").await), (1_000, TOTAL - 1_000));
    assert_eq!(receive(&accounting, Uuid::now_v7(), TOTAL).await.expect(409).code(), "more_than_owed");
    let list = accounting.client.get(&format!("{}/receipts", path(seed::ALICE)), &accounting.sam()).await.expect(200);
    assert_eq!(list.json()["items"][0]["amount"], json!(euro(1_000)));
    accounting.refund(order).await.expect(200);
    assert_eq!(standing(&accounting).await, cents(50_000, -1_000, 0));
    accounting.end().await;
}

#[tokio::test]
async fn a_void_frees_the_credit() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_on_account").await.expect(200);
    accounting.void(order).await.expect(204);
    assert_eq!(standing(&accounting).await, cents(50_000, 0, 0));
    accounting.end().await;
}

#[tokio::test]
async fn over_the_limit_is_refused_with_the_facts() {
    let accounting = Accounting::start().await;
    accounting.captured("tok_on_account").await;
    let held = OrderId::generate();
    accounting.authorize(held, "tok_on_account").await.expect(200);
    let wanted = 50_000 - 2 * TOTAL + 1;
    let body = payment_of(wanted, "tok_on_account");
    let refused = accounting.put(OrderId::generate(), &body).await.expect(422).json();
    assert_eq!(refused["code"], "over_credit_limit");
    assert_eq!((&refused["limit"], &refused["wanted"]), (&json!(euro(50_000)), &json!(euro(wanted))));
    assert_eq!((&refused["outstanding"], &refused["held"]), (&json!(euro(TOTAL)), &json!(euro(TOTAL))));
    accounting.put(OrderId::generate(), &payment_of(wanted - 1, "tok_on_account")).await.expect(200);
    accounting.end().await;
}

#[tokio::test]
async fn staff_set_the_limit_and_nobody_has_credit_otherwise() {
    let accounting = Accounting::start().await;
    let order =
        |customer, amount: Value| json!({"customer_id": customer, "amount": amount, "method": "tok_on_account"});
    let bobs = order(seed::BOB, json!(euro(1)));
    assert_eq!(accounting.put(OrderId::generate(), &bobs).await.expect(422).code(), "over_credit_limit");
    accounting.client.get(&path(seed::BOB), &accounting.bob()).await.expect(404);
    let limit = json!({"credit_limit": euro(100)});
    accounting.client.put(&path(seed::BOB), &accounting.sam(), &limit).await.expect(200);
    accounting.put(OrderId::generate(), &bobs).await.expect(200);
    let dollars = json!({"credit_limit": {"amount": 100, "currency": "USD"}});
    let refused = accounting.client.put(&path(seed::BOB), &accounting.sam(), &dollars).await.expect(409);
    assert_eq!(refused.code(), "currency_in_use");
    let in_dollars = order(seed::BOB, json!({"amount": 1, "currency": "USD"}));
    assert_eq!(accounting.put(OrderId::generate(), &in_dollars).await.expect(422).code(), "over_credit_limit");
    accounting.client.put(&path(seed::CAROL), &accounting.sam(), &limit).await.expect(200);
    accounting.client.put(&path(seed::CAROL), &accounting.sam(), &dollars).await.expect(200);
    accounting.end().await;
}

#[tokio::test]
async fn the_currency_stays_while_what_was_bought_in_it_may_be_refunded() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_on_account").await;
    receive(&accounting, Uuid::now_v7(), TOTAL).await.expect(200);
    let dollars = json!({"credit_limit": {"amount": 100, "currency": "USD"}});
    let refused = accounting.client.put(&path(seed::ALICE), &accounting.sam(), &dollars).await.expect(409);
    assert_eq!(refused.code(), "currency_in_use");
    accounting.refund(order).await.expect(200);
    assert_eq!(standing(&accounting).await, cents(50_000, -TOTAL, 0));
    accounting.end().await;
}

#[tokio::test]
async fn a_receipt_of_one_customer_is_not_taken_for_another() {
    let accounting = Accounting::start().await;
    accounting.captured("tok_on_account").await;
    let id = Uuid::now_v7();
    receive(&accounting, id, 100).await.expect(200);
    let url = |customer| format!("{}/receipts/{id}", path(customer));
    let body = json!({"amount": euro(100)});
    accounting.client.put(&url(seed::BOB), &accounting.sam(), &body).await.expect(404);
    let limit = json!({"credit_limit": euro(100)});
    accounting.client.put(&path(seed::BOB), &accounting.sam(), &limit).await.expect(200);
    let refused = accounting.client.put(&url(seed::BOB), &accounting.sam(), &body).await.expect(409);
    assert_eq!(refused.code(), "conflicting_request");
    accounting.end().await;
}
