//! Who sees what: customers their own things, staff all.

use contracts::{OrderId, seed};
use serde_json::{Value, json};

use crate::started::{Accounting, confirmed, payment, payment_with};

async fn items(accounting: &Accounting, path: &str, token: &str) -> usize {
    accounting.client.get(path, token).await.expect(200).json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn customers_see_their_own_payments_and_invoices_only() {
    let accounting = Accounting::start().await;
    let (order, number) = accounting.invoiced().await;
    let bobs = OrderId::generate();
    accounting.put(bobs, &payment_with("customer_id", json!(seed::BOB))).await.expect(200);
    accounting.capture(bobs).await.expect(200);
    accounting.announce(&confirmed(bobs, seed::BOB)).await;
    accounting.effects(2).await;
    let mine = [format!("/v1/payments/{order}"), format!("/v1/invoices/{number}")];
    for path in &mine {
        accounting.client.get(path, &accounting.alice()).await.expect(200);
        accounting.client.get(path, &accounting.sam()).await.expect(200);
        accounting.client.get(path, &accounting.bob()).await.expect(404);
    }
    let reporting = accounting.tokens.client("accounting", "reporting", "accounting:read");
    for path in ["/v1/payments", "/v1/invoices"] {
        for token in [accounting.alice(), accounting.bob()] {
            assert_eq!(items(&accounting, path, &token).await, 1, "{path}");
        }
        for token in [accounting.sam(), reporting.clone()] {
            assert_eq!(items(&accounting, path, &token).await, 2, "{path}");
        }
    }
    accounting.end().await;
}

#[tokio::test]
async fn the_account_of_another_customer_is_not_found() {
    let accounting = Accounting::start().await;
    let path = format!("/v1/customer-accounts/{}", seed::ALICE);
    accounting.client.get(&path, &accounting.alice()).await.expect(200);
    accounting.client.get(&path, &accounting.sam()).await.expect(200);
    accounting.client.get(&path, &accounting.bob()).await.expect(404);
    accounting.end().await;
}

#[tokio::test]
async fn a_tombstone_belongs_to_nobody() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.void(order).await.expect(204);
    let path = format!("/v1/payments/{order}");
    accounting.client.get(&path, &accounting.alice()).await.expect(404);
    assert_eq!(accounting.client.get(&path, &accounting.sam()).await.expect(200).json()["amount"], Value::Null);
    accounting.end().await;
}

#[tokio::test]
async fn the_order_service_sees_the_payments_it_makes() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.put(order, &payment("tok_ok")).await.expect(200);
    accounting.client.get(&format!("/v1/payments/{order}"), &accounting.order()).await.expect(200);
    accounting.end().await;
}

#[tokio::test]
async fn a_customer_sees_no_ledger_and_books_nothing_even_with_the_scope() {
    let accounting = Accounting::start().await;
    let token = accounting.tokens.user("accounting", seed::ALICE, &["customer"], "accounting:read accounting:write");
    for path in ["/v1/trial-balance", "/v1/accounts", "/v1/accounts/1000-EUR/postings", "/v1/entries"] {
        assert_eq!(accounting.client.get(path, &token).await.expect(403).code(), "insufficient_role", "{path}");
    }
    let limit = json!({"credit_limit": {"amount": 1, "currency": "EUR"}});
    let path = format!("/v1/customer-accounts/{}", seed::ALICE);
    assert_eq!(accounting.client.put(&path, &token, &limit).await.expect(403).code(), "insufficient_role");
    accounting.end().await;
}
