//! Bad input of any kind gets a 4xx that names the field, and has no effect.

use contracts::{OrderId, seed};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::started::{Accounting, payment, payment_with};

#[tokio::test]
async fn a_wrong_field_of_a_payment_is_named() {
    let accounting = Accounting::start().await;
    let of = |amount: Value| payment_with("amount", amount);
    let euros = |amount: Value| of(json!({"amount": amount, "currency": "EUR"}));
    let wrong = [
        ("amount", euros(json!(0))),
        ("amount", euros(json!(-1))),
        ("amount", euros(json!(1_000_000_001))),
        ("amount", euros(json!(i64::MAX))),
        ("amount", euros(json!(i64::MIN))),
        ("amount", of(json!({"amount": 100}))),
        ("amount", of(json!({"amount": 100, "currency": "EUR", "tip": 5}))),
        ("amount", of(json!(100))),
        ("amount", euros(json!(1e300))),
        ("amount", euros(json!(19.99))),
        ("amount", euros(json!("100"))),
        ("amount", of(json!({"amount": 100, "currency": "XXX"}))),
        ("amount", of(json!({"amount": 100, "currency": "eur"}))),
        ("method", payment("tok_unheard_of")),
        ("method", payment("")),
        ("customer_id", payment_with("customer_id", json!("alice"))),
        ("unheard_of", payment_with("unheard_of", json!(1))),
    ];
    for (field, body) in wrong {
        let refused = accounting.put(OrderId::generate(), &body).await.expect(422).json();
        assert_eq!(refused["code"], "invalid_body", "{body}");
        let named = refused["errors"][0]["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{body}: {refused}");
    }
    for member in ["customer_id", "amount", "method"] {
        let mut body = payment("tok_ok");
        body.as_object_mut().unwrap().remove(member);
        let refused = accounting.put(OrderId::generate(), &body).await.expect(422);
        assert!(refused.body.contains(member), "{}", refused.body);
    }
    assert_eq!(accounting.number("select count(*) from payment").await, 0);
    assert_eq!(accounting.number("select count(*) from provider_charge").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_wrong_field_of_an_entry_is_named() {
    let accounting = Accounting::start().await;
    let side =
        |account: &str, amount: Value| json!({"account": account, "amount": {"amount": amount, "currency": "EUR"}});
    let of = |postings: Vec<Value>| json!({"memo": "x", "postings": postings});
    let pair = || vec![side("6000-EUR", json!(5)), side("1000-EUR", json!(-5))];
    let with = |member: &str, value: Value| {
        let mut body = of(pair());
        body[member] = value;
        body
    };
    let many: Vec<_> = (0..101).map(|_| side("6000-EUR", json!(5))).collect();
    let wrong = [
        ("postings", of(vec![])),
        ("postings", of(vec![side("6000-EUR", json!(5))])),
        ("postings", of(many)),
        ("postings[0].amount", of(vec![side("6000-EUR", json!(0)), side("1000-EUR", json!(0))])),
        ("postings[0].amount", of(vec![side("6000-EUR", json!(i64::MIN)), side("1000-EUR", json!(i64::MAX))])),
        ("postings[1].account", of(vec![side("6000-EUR", json!(5)), side("6000-EUR", json!(-5))])),
        ("postings[0].account", of(vec![side("", json!(5)), side("1000-EUR", json!(-5))])),
        ("memo", with("memo", json!(""))),
        ("memo", with("memo", json!("x".repeat(201)))),
        ("memo", with("memo", json!("a\nb"))),
        ("id", with("id", json!("1"))),
        ("at", with("at", json!("2026-01-01T00:00:00Z"))),
    ];
    for (field, body) in wrong {
        let refused = accounting.client.post("/v1/entries", &accounting.sam(), &body).await.expect(422).json();
        assert_eq!(refused["code"], "invalid_body", "{body}");
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    assert_eq!(accounting.number("select count(*) from entry").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_wrong_limit_or_receipt_is_named() {
    let accounting = Accounting::start().await;
    let account = format!("/v1/customer-accounts/{}", seed::ALICE);
    for amount in [-1, 1_000_000_001, i64::MAX, i64::MIN] {
        let money = json!({"amount": amount, "currency": "EUR"});
        let limit = accounting.client.put(&account, &accounting.sam(), &json!({"credit_limit": money})).await;
        assert_eq!(limit.expect(422).json()["errors"][0]["field"], "credit_limit", "{amount}");
        let receipt = format!("{account}/receipts/{}", OrderId::generate());
        let receipt = accounting.client.put(&receipt, &accounting.sam(), &json!({"amount": money})).await;
        assert_eq!(receipt.expect(422).json()["errors"][0]["field"], "amount", "{amount}");
    }
    accounting.end().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let accounting = Accounting::start().await;
    let path = format!("/v1/payments/{}", OrderId::generate());
    for body in [&b""[..], b"{", b"\xff\xfe", b"[]", b"{\"method\": \"\\u0000\"}"] {
        let request = accounting.client.request(Method::PUT, &path, &accounting.order());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let status = accounting.client.send(request).await.status;
        assert!([400, 422].contains(&status.as_u16()), "{body:?}: {status}");
    }
    let plain = accounting.client.request(Method::PUT, &path, &accounting.order()).body("x");
    assert_eq!(accounting.client.send(plain).await.status, 415);
    let large = payment_with("unheard_of", json!("x".repeat(300 * 1024)));
    assert_eq!(accounting.client.put(&path, &accounting.order(), &large).await.status, 413);
    assert_eq!(accounting.number("select count(*) from payment").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_wrong_path_or_query_is_a_bad_request_that_names_it() {
    let accounting = Accounting::start().await;
    let wrong = [
        ("/v1/payments/not-a-uuid", "order_id"),
        ("/v1/payments/%00", "order_id"),
        ("/v1/payments?limit=0", "limit"),
        ("/v1/payments?limit=101", "limit"),
        ("/v1/payments?limit=-9223372036854775809", "limit"),
        ("/v1/payments?after=yesterday", "after"),
        ("/v1/invoices?after=yesterday", "after"),
        ("/v1/invoices?after=INV-2026-", "after"),
        ("/v1/invoices?after=INV-9-9", "after"),
        ("/v1/invoices?after=INV-%2B026-00000001", "after"),
        ("/v1/payments?state=lost", "state"),
        ("/v1/entries?kind=odd", "kind"),
        ("/v1/entries?order_id=1", "order_id"),
        ("/v1/entries/1", "id"),
        ("/v1/accounts/1000-EUR/postings?after=x", "after"),
        ("/v1/customer-accounts/alice", "customer_id"),
        ("/v1/invoices/%00", "number"),
    ];
    for (path, field) in wrong {
        let refused = accounting.client.get(path, &accounting.sam()).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{path}: {refused}");
    }
    accounting.end().await;
}
