//! A provider that is slow, silent, or whose answer a crash has lost.

use accounting::{
    domain::{Amount, Method, Reply, State, Terms},
    provider::Provider,
};
use contracts::OrderId;
use futures::future::join_all;
use testkit::eventually;

use crate::started::{Accounting, TOTAL, euro};

#[tokio::test]
async fn a_slow_provider_is_waited_for() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    let asked = std::time::Instant::now();
    accounting.authorize(order, "tok_slow").await.expect(200);
    assert!(asked.elapsed() >= std::time::Duration::from_secs(2));
    accounting.end().await;
}

#[tokio::test]
async fn a_silent_provider_is_a_timeout_until_it_answers_the_same_request() {
    let accounting = Accounting::impatient().await;
    let order = OrderId::generate();
    assert_eq!(accounting.authorize(order, "tok_silent_once").await.expect(504).code(), "provider_timeout");
    assert_eq!(accounting.state(order).await, "authorizing");
    let recovered = accounting.authorize(order, "tok_silent_once").await.expect(200).json();
    assert_eq!(recovered["state"], "authorized");
    accounting.capture(order).await.expect(200);
    assert_eq!(accounting.charge(order).await, ("captured".to_owned(), TOTAL));
    accounting.end().await;
}

#[tokio::test]
async fn a_payment_that_the_provider_never_answered_can_be_voided_and_holds_no_money() {
    let accounting = Accounting::impatient().await;
    let order = OrderId::generate();
    for _ in 0..2 {
        assert_eq!(accounting.authorize(order, "tok_silent").await.expect(504).code(), "provider_timeout");
    }
    assert_eq!(accounting.charge(order).await.0, "authorized", "it took effect all the same");
    accounting.void(order).await.expect(204);
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    assert_eq!(accounting.authorize(order, "tok_silent").await.expect(409).code(), "payment_voided");
    accounting.end().await;
}

#[tokio::test]
async fn a_void_overtakes_the_authorization_that_is_on_its_way() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    let void = async {
        let begun = format!("select count(*) from payment where order_id = '{order}'");
        eventually(async || accounting.number(&begun).await == 1).await;
        // The provider takes two seconds for the authorization, and none for the void.
        accounting.void(order).await
    };
    let (authorized, voided) = tokio::join!(accounting.authorize(order, "tok_slow"), void);
    assert_eq!(authorized.expect(409).code(), "payment_voided");
    voided.expect(204);
    assert_eq!(accounting.state(order).await, "voided");
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn the_provider_remembers_a_void_that_comes_first() {
    let accounting = Accounting::start().await;
    let provider = Provider::new(accounting.database.pool().await, std::time::Duration::from_secs(3));
    let amount = Amount::try_from(euro(TOTAL)).unwrap();
    let terms = Terms { customer_id: contracts::seed::ALICE, amount, method: Method::TokOk };
    let order = OrderId::generate();
    for _ in 0..2 {
        assert_eq!(provider.ask(State::Voiding, order, &terms).await.unwrap(), Reply::Voided);
        assert_eq!(provider.ask(State::Authorizing, order, &terms).await.unwrap(), Reply::Voided);
    }
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn the_provider_does_each_thing_once_for_a_key_even_when_an_old_request_comes_late() {
    let accounting = Accounting::start().await;
    let provider = Provider::new(accounting.database.pool().await, std::time::Duration::from_secs(3));
    let amount = Amount::try_from(euro(TOTAL)).unwrap();
    let terms = Terms { customer_id: contracts::seed::ALICE, amount, method: Method::TokOk };
    let order = OrderId::generate();
    let ask = async |intent| provider.ask(intent, order, &terms).await.unwrap();
    let steps = [
        (State::Authorizing, "authorized", 0),
        (State::Capturing, "captured", TOTAL),
        (State::Refunding, "refunded", 0),
    ];
    for (i, (intent, state, moved)) in steps.into_iter().enumerate() {
        for late in steps[..i].iter().map(|step| step.0).chain([intent, intent]) {
            assert_eq!(ask(late).await, Reply::Done);
        }
        for late in &steps[..i] {
            ask(late.0).await;
        }
        assert_eq!(accounting.charge(order).await, (state.to_owned(), moved));
    }
    accounting.end().await;
}

#[tokio::test]
async fn a_crash_between_the_providers_answer_and_ours_is_mended_by_asking_again() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    let lose = async |answer: &str| {
        let sql = format!("update payment set state = '{answer}' where order_id = '{order}'");
        accounting.run(&sql).await.unwrap();
    };
    accounting.authorize(order, "tok_ok").await.expect(200);
    lose("authorizing").await;
    accounting.authorize(order, "tok_ok").await.expect(200);
    // The provider has the request to capture, and the process died before it heard the answer.
    accounting.run(&format!("update provider_charge set state = 'captured', moved = {TOTAL}")).await.unwrap();
    lose("capturing").await;
    assert_eq!(accounting.void(order).await.expect(409).code(), "already_captured");
    accounting.capture(order).await.expect(200);
    accounting.run("update provider_charge set state = 'refunded', moved = 0").await.unwrap();
    lose("refunding").await;
    accounting.refund(order).await.expect(200);
    assert_eq!(accounting.charge(order).await, ("refunded".to_owned(), 0));
    assert_eq!(accounting.number("select count(*) from entry").await, 2);
    accounting.end().await;
}

#[tokio::test]
async fn a_void_that_was_cut_off_is_finished_by_the_next_one() {
    let accounting = Accounting::start().await;
    let order = OrderId::generate();
    accounting.authorize(order, "tok_ok").await.expect(200);
    accounting.run("update payment set state = 'voiding'").await.unwrap();
    assert_eq!(accounting.capture(order).await.expect(409).code(), "payment_voided");
    accounting.void(order).await.expect(204);
    assert_eq!(accounting.charge(order).await, ("voided".to_owned(), 0));
    accounting.end().await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_nothing_half_done() {
    let accounting = Accounting::start().await;
    let orders: Vec<_> = (0..10).map(|_| OrderId::generate()).collect();
    let hung_up = orders.iter().map(|order| async {
        let call = accounting.authorize(*order, "tok_ok");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(3), call).await;
    });
    join_all(hung_up).await;
    for order in orders {
        accounting.authorize(order, "tok_ok").await.expect(200);
        accounting.capture(order).await.expect(200);
        assert_eq!(accounting.charge(order).await, ("captured".to_owned(), TOTAL));
    }
    accounting.end().await;
}
