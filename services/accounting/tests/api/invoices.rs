//! `/v1/invoices`, and the event that issues them.

use contracts::{Currency, OrderId, seed};
use serde_json::{Value, json};
use testkit::eventually;
use time::Duration;

use crate::started::{Accounting, TOTAL, confirmed, euro};

const ISSUED: &str = "accounting.invoice.issued.v1";
const DEAD: &str = "select count(*) from messaging.dead_letter";

async fn invoice(accounting: &Accounting, number: &str) -> Value {
    accounting.client.get(&format!("/v1/invoices/{number}"), &accounting.alice()).await.expect(200).json()
}

#[tokio::test]
async fn a_confirmed_order_is_invoiced_once_however_often_it_is_announced() {
    let accounting = Accounting::start().await;
    let (order, number) = accounting.invoiced().await;
    accounting.announce_confirmed(order).await;
    accounting.effects(2).await;
    assert_eq!(accounting.number("select count(*) from invoice").await, 1);
    assert_eq!(accounting.announced(ISSUED).await, 1);
    let year = accounting.clock.now().year();
    assert_eq!(number, format!("INV-{year}-00000001"));
    accounting.end().await;
}

#[tokio::test]
async fn an_invoice_states_the_tax_within_and_adds_up() {
    let accounting = Accounting::start().await;
    let (order, number) = accounting.invoiced().await;
    let invoice = invoice(&accounting, &number).await;
    assert_eq!(invoice["order_id"], json!(order));
    // 23.90 × 19 / 119 = 3.8160, of which 3.0336 are in the mugs and 0.7824 in the shipping.
    assert_eq!((&invoice["net"], &invoice["vat"]), (&json!(euro(2_008)), &json!(euro(382))));
    let lines = invoice["lines"].as_array().unwrap();
    assert_eq!((&lines[0]["sku"], &lines[0]["vat"]), (&json!("MUG-BLUE"), &json!(euro(304))));
    assert_eq!((&lines[1]["sku"], &lines[1]["vat"]), (&Value::Null, &json!(euro(78))));
    let balances = [("1200", TOTAL), ("2100", 0), ("4000", -(1_900 - 304)), ("4100", -(490 - 78)), ("2200", -382)];
    for (account, expected) in balances {
        assert_eq!(accounting.balance(account).await, expected, "{account}");
    }
    accounting.end().await;
}

#[tokio::test]
async fn a_refund_after_the_invoice_credits_it() {
    let accounting = Accounting::start().await;
    let (order, number) = accounting.invoiced().await;
    assert_eq!(invoice(&accounting, &number).await["credit_note"], Value::Null);
    accounting.refund(order).await.expect(200);
    let year = accounting.clock.now().year();
    assert_eq!(invoice(&accounting, &number).await["credit_note"]["number"], format!("CN-{year}-00000001"));
    for account in ["1200", "2100", "2200"] {
        assert_eq!(accounting.balance(account).await, 0, "{account}");
    }
    assert_eq!(accounting.balance("4200").await, 2_008);
    accounting.end().await;
}

#[tokio::test]
async fn an_order_refunded_before_it_is_invoiced_gets_no_invoice_and_leaves_nothing_open() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_ok").await;
    accounting.refund(order).await.expect(200);
    accounting.announce_confirmed(order).await;
    accounting.effects(1).await;
    assert_eq!(accounting.number("select count(*) from invoice").await, 0);
    assert_eq!(accounting.number("select count(*) from account_balance where balance <> 0").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn a_confirmation_that_comes_again_after_it_was_forgotten_is_neither_invoiced_nor_booked_again() {
    let accounting = Accounting::start().await;
    accounting.invoiced().await;
    let (refunded, _) = accounting.invoiced().await;
    accounting.refund(refunded).await.expect(200);
    let (cancelled_first, written) = (accounting.captured("tok_ok").await, "select count(*) from entry");
    accounting.refund(cancelled_first).await.expect(200);
    accounting.announce_confirmed(cancelled_first).await;
    accounting.effects(3).await;
    let before = (accounting.number(written).await, accounting.announced(ISSUED).await);
    for _ in 0..2 {
        accounting.database.deliver_late().await;
    }
    assert_eq!((accounting.number(written).await, accounting.announced(ISSUED).await), before);
    assert_eq!(accounting.number("select count(*) from invoice").await, 2);
    assert_eq!(accounting.number("select count(*) from credit_note").await, 1);
    accounting.end().await;
}

#[tokio::test]
async fn impossible_amounts_are_set_aside_and_the_rest_goes_on() {
    let accounting = Accounting::start().await;
    let (mut negative, mut huge, mut other_currency, mut unprintable) = (
        confirmed(accounting.captured("tok_ok").await, seed::ALICE),
        confirmed(accounting.captured("tok_ok").await, seed::ALICE),
        confirmed(accounting.captured("tok_ok").await, seed::ALICE),
        confirmed(accounting.captured("tok_ok").await, seed::ALICE),
    );
    negative.lines[0].unit_price = euro(-950);
    huge.lines[0].unit_price = euro(i64::MAX);
    other_currency.total.currency = Currency::Jpy;
    unprintable.lines[0].name = "Mug\0".to_owned();
    // The outbox takes no NUL either: a stranger's message.
    for event in [&negative, &huge, &other_currency] {
        accounting.announce(event).await;
    }
    accounting.publish(&unprintable).await;
    accounting.invoiced().await;
    eventually(async || accounting.number(DEAD).await == 4).await;
    assert_eq!(accounting.number("select count(*) from invoice").await, 1);
    accounting.end().await;
}

#[tokio::test]
async fn numbers_have_no_gaps_and_begin_anew_with_the_year() {
    let accounting = Accounting::start().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(accounting.captured("tok_ok").await);
    }
    // The second cannot be invoiced at first: its number must not be lost.
    let mut wrong = confirmed(orders[1], seed::ALICE);
    wrong.lines.clear();
    accounting.announce(&wrong).await;
    for order in &orders {
        accounting.announce_confirmed(*order).await;
    }
    let numbers = "select coalesce(string_agg(right(number, 8), ' ' order by number), '') from invoice";
    let expected = "00000001 00000002 00000003 00000004 00000005";
    eventually(async || accounting.text(numbers).await == expected).await;
    let year = accounting.clock.now().year();
    accounting.clock.advance(Duration::days(366));
    let (_, number) = accounting.invoiced().await;
    assert_eq!(number, format!("INV-{}-00000001", year + 1));
    accounting.end().await;
}

#[tokio::test]
async fn an_order_that_was_not_paid_is_not_invoiced_and_blocks_no_other() {
    let accounting = Accounting::start().await;
    accounting.announce_confirmed(OrderId::generate()).await;
    let mut other_total = confirmed(accounting.captured("tok_ok").await, seed::ALICE);
    other_total.total = euro(TOTAL - 1);
    accounting.announce(&other_total).await;
    accounting.invoiced().await;
    assert_eq!(accounting.number("select count(*) from invoice").await, 1);
    assert_eq!(accounting.number(DEAD).await, 0, "they are still tried again");
    accounting.end().await;
}
