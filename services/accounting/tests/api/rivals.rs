//! Commands in parallel: what is decided once.

use accounting::{
    db::{self, Progress},
    domain::State,
    events,
};
use contracts::OrderId;
use futures::future::join_all;
use testkit::eventually;

use crate::started::{Accounting, TOTAL};

#[tokio::test]
async fn of_capture_and_void_in_parallel_exactly_one_wins() {
    let accounting = Accounting::start().await;
    let mut captures = 0;
    for _ in 0..20 {
        let order = OrderId::generate();
        accounting.authorize(order, "tok_ok").await.expect(200);
        let (capture, void) = tokio::join!(accounting.capture(order), accounting.void(order));
        match (capture.status.as_u16(), void.status.as_u16()) {
            (200, 409) => {
                captures += 1;
                assert_eq!(void.code(), "already_captured");
                assert_eq!(accounting.charge(order).await, ("captured".to_owned(), TOTAL));
            }
            (409, 204) => {
                assert_eq!(capture.code(), "payment_voided");
                assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
            }
            _ => panic!("{capture:?} {void:?}"),
        }
    }
    assert_eq!(accounting.balance("1200").await, captures * TOTAL);
    accounting.end().await;
}

#[tokio::test]
async fn of_many_captures_in_parallel_all_answer_and_one_takes_the_money() {
    let accounting = Accounting::start().await;
    for method in ["tok_ok", "tok_on_account"] {
        let order = OrderId::generate();
        let put = join_all((0..8).map(|_| accounting.authorize(order, method))).await;
        assert!(put.iter().all(|answer| answer.status == 200), "{put:?}");
        let captured = join_all((0..8).map(|_| accounting.capture(order))).await;
        assert!(captured.iter().all(|answer| answer.status == 200), "{captured:?}");
        let entries = format!("select count(*) from entry where order_id = '{order}'");
        assert_eq!(accounting.number(&entries).await, 1);
        let refunded = join_all((0..8).map(|_| accounting.refund(order))).await;
        assert!(refunded.iter().all(|answer| answer.status == 200), "{refunded:?}");
        assert_eq!(accounting.number(&entries).await, 2);
    }
    assert_eq!(accounting.announced("accounting.payment.captured.v1").await, 2);
    assert_eq!(accounting.announced("accounting.payment.refunded.v1").await, 2);
    accounting.end().await;
}

#[tokio::test]
async fn an_authorization_and_its_void_in_parallel_never_leave_money_set_aside() {
    let accounting = Accounting::start().await;
    for method in ["tok_ok", "tok_on_account"] {
        for _ in 0..20 {
            let order = OrderId::generate();
            let (put, void) = tokio::join!(accounting.authorize(order, method), accounting.void(order));
            void.expect(204);
            assert!([200, 409].contains(&put.status.as_u16()), "{put:?}");
            assert_eq!(accounting.state(order).await, "voided");
        }
    }
    assert_eq!(accounting.number("select count(*) from provider_charge where state <> 'voided'").await, 0);
    assert_eq!(accounting.number("select held from customer_account").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn credit_is_never_given_twice_however_many_ask_at_once() {
    let accounting = Accounting::start().await;
    // 500.00 of credit are enough for 20 orders of 23.90.
    let orders: Vec<_> = (0..30).map(|_| OrderId::generate()).collect();
    let answers = join_all(orders.iter().map(|order| accounting.authorize(*order, "tok_on_account"))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 20);
    let refused = answers.iter().filter(|answer| answer.status == 422);
    assert!(refused.into_iter().all(|answer| answer.code() == "over_credit_limit"));
    let captured = join_all(orders.iter().map(|order| accounting.capture(*order))).await;
    assert_eq!(captured.iter().filter(|answer| answer.status == 200).count(), 20);
    assert_eq!(accounting.balance("1100").await, 20 * TOTAL);
    accounting.end().await;
}

#[tokio::test]
async fn an_invoice_waits_for_the_refund_that_is_being_booked() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_ok").await;
    let now = accounting.clock.now();
    let pool = accounting.database.pool().await;
    let mut refund = pool.begin().await.unwrap();
    let step = Progress { from: State::Captured, to: State::Refunded, decline: None, now, expires_at: now };
    let payment = db::advance_payment(&mut refund, order, step).await.unwrap().unwrap();
    events::refunded(&mut refund, order, &payment.terms().unwrap(), now).await.unwrap();
    accounting.announce_confirmed(order).await;
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock' and query like '%payment%'";
    eventually(async || accounting.number(waiting).await == 1).await;
    accounting.run("update provider_charge set state = 'refunded', moved = 0").await.unwrap();
    refund.commit("test").await.unwrap();
    accounting.effects(1).await;
    assert_eq!(accounting.number("select count(*) from invoice").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn invoice_and_refund_in_parallel_leave_the_books_closed() {
    let accounting = Accounting::start().await;
    let mut orders = Vec::new();
    for _ in 0..20 {
        let order = accounting.captured("tok_ok").await;
        let (refunded, ()) = tokio::join!(accounting.refund(order), accounting.announce_confirmed(order));
        refunded.expect(200);
        orders.push(order);
    }
    accounting.effects(20).await;
    for account in ["1200", "2100", "2200"] {
        assert_eq!(accounting.balance(account).await, 0, "{account}");
    }
    let invoices = accounting.number("select count(*) from invoice").await;
    assert_eq!(accounting.number("select count(*) from credit_note").await, invoices);
    accounting.end().await;
}
