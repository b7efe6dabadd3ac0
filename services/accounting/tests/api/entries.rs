//! `/v1/entries`: what staff book by hand.

use contracts::Id;
use serde_json::{Value, json};
use testkit::Answer;

use crate::started::{Accounting, TOTAL};

fn posting(account: &str, amount: i64, currency: &str) -> Value {
    json!({"account": account, "amount": {"amount": amount, "currency": currency}})
}

fn rent() -> Value {
    json!({"memo": "rent", "postings": [posting("6000-EUR", 120_000, "EUR"), posting("1000-EUR", -120_000, "EUR")]})
}

async fn make(accounting: &Accounting, body: &Value) -> Answer {
    accounting.client.post("/v1/entries", &accounting.sam(), body).await
}

#[tokio::test]
async fn staff_make_an_entry_and_find_it_again() {
    let accounting = Accounting::start().await;
    let made = make(&accounting, &rent()).await.expect(201).json();
    let path = format!("/v1/entries/{}", made["id"].as_str().unwrap());
    assert_eq!(accounting.client.get(&path, &accounting.sam()).await.expect(200).json(), made);
    assert_eq!((accounting.balance("6000").await, accounting.balance("1000").await), (120_000, -120_000));
    let listed = accounting.client.get("/v1/entries?kind=manual", &accounting.sam()).await.expect(200).json();
    assert_eq!(listed["items"], json!([made]));
    accounting.end().await;
}

#[tokio::test]
async fn an_entry_with_an_id_of_its_own_is_booked_once() {
    let accounting = Accounting::start().await;
    let mut body = rent();
    body["id"] = json!(Id::<()>::generate());
    let first = make(&accounting, &body).await.expect(201).json();
    assert_eq!(make(&accounting, &body).await.expect(200).json(), first);
    body["memo"] = json!("rent again");
    assert_eq!(make(&accounting, &body).await.expect(409).code(), "conflicting_request");
    assert_eq!(accounting.balance("6000").await, 120_000);
    accounting.end().await;
}

#[tokio::test]
async fn an_entry_that_does_not_balance_is_refused_with_the_difference() {
    let accounting = Accounting::start().await;
    let of = |postings: Value| json!({"memo": "wrong", "postings": postings});
    let unbalanced = of(json!([posting("6000-EUR", 120_000, "EUR"), posting("1000-EUR", -119_999, "EUR")]));
    let refused = make(&accounting, &unbalanced).await.expect(422).json();
    assert_eq!((&refused["code"], &refused["difference"]), (&json!("unbalanced"), &json!(1)));
    let mixed = of(json!([posting("6000-EUR", 5, "EUR"), posting("1000-USD", -5, "USD")]));
    assert_eq!(make(&accounting, &mixed).await.expect(422).code(), "unbalanced");
    let unknown = of(json!([posting("6000-EUR", 5, "EUR"), posting("9999-EUR", -5, "EUR")]));
    assert_eq!(make(&accounting, &unknown).await.expect(422).code(), "unknown_account");
    let other_currency = of(json!([posting("6000-EUR", 5, "USD"), posting("1000-EUR", -5, "USD")]));
    assert_eq!(make(&accounting, &other_currency).await.expect(422).code(), "unknown_account");
    assert_eq!(accounting.number("select count(*) from entry").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_manual_entry_is_taken_back_once_by_its_opposite() {
    let accounting = Accounting::start().await;
    let made = make(&accounting, &rent()).await.expect(201).json();
    let path = format!("/v1/entries/{}/reversal", made["id"].as_str().unwrap());
    let reverse = async |memo: &str| accounting.client.post(&path, &accounting.sam(), &json!({"memo": memo})).await;
    let reversal = reverse("booked twice").await.expect(200).json();
    assert_eq!((&reversal["kind"], &reversal["reverses"]), (&json!("reversal"), &made["id"]));
    assert_eq!(reverse("booked twice").await.expect(200).json(), reversal);
    assert_eq!(reverse("another reason").await.expect(409).code(), "conflicting_request");
    assert_eq!(accounting.balance("6000").await, 0);
    let again = format!("/v1/entries/{}/reversal", reversal["id"].as_str().unwrap());
    let refused = accounting.client.post(&again, &accounting.sam(), &json!({"memo": "back"})).await.expect(409);
    assert_eq!(refused.code(), "not_reversible");
    accounting.end().await;
}

#[tokio::test]
async fn what_a_payment_booked_is_not_taken_back_by_hand() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_ok").await;
    let url = format!("/v1/entries?order_id={order}");
    let found = accounting.client.get(&url, &accounting.sam()).await.expect(200).json();
    let id = found["items"][0]["id"].as_str().unwrap();
    let path = format!("/v1/entries/{id}/reversal");
    let refused = accounting.client.post(&path, &accounting.sam(), &json!({"memo": "no"})).await.expect(409);
    assert_eq!(refused.code(), "not_reversible");
    assert_eq!(accounting.balance("1200").await, TOTAL);
    accounting.end().await;
}
