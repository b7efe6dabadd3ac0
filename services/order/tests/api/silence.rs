//! Silence: asked again, given up, or borne with an alarm.

use contracts::order::{OrderConfirmed, OrderStuck};
use testkit::eventually;

use crate::{
    gateway::Do,
    started::{Suite, told},
};

#[tokio::test]
async fn a_silent_step_is_asked_again_until_it_answers() {
    let suite = Suite::start().await;
    suite.gateway.next("PUT inventory", &[Do::Unavailable, Do::Unavailable]);
    suite.gateway.next("POST accounting/capture", &[Do::Unavailable]);
    let order = suite.confirmed().await;
    let shown = suite.show(order).await;
    assert_eq!(told(&shown, "silent"), ["reserve stock", "reserve stock", "capture payment"]);
    assert_eq!(suite.gateway.times(order, "PUT inventory"), 3);
    suite.end().await;
}

#[tokio::test]
async fn a_lost_reply_has_one_effect() {
    let suite = Suite::impatient().await;
    suite.gateway.next("PUT accounting", &[Do::LoseReply]);
    suite.gateway.next("POST accounting/capture", &[Do::LoseReply]);
    let order = suite.confirmed().await;
    let effects = suite.gateway.effects(order);
    assert_eq!(effects.iter().filter(|effect| *effect == "PUT accounting").count(), 1);
    assert_eq!(effects.iter().filter(|effect| *effect == "POST accounting/capture").count(), 1);
    suite.end().await;
}

#[tokio::test]
async fn a_step_silent_past_its_deadline_is_undone_together_with_the_earlier_ones() {
    let suite =
        Suite::with(|config| (config.participants.call_timeout_ms, config.sagas.step_deadline_ms) = (300, 1_000)).await;
    suite.gateway.always("PUT accounting", Do::Silent);
    let order = suite.place().await;
    let shown = suite.becomes(order, "compensated").await;
    assert_eq!(
        (&shown["reason"]["step"], &shown["reason"]["code"]),
        (&"authorize payment".into(), &"no_answer".into())
    );
    assert_eq!(told(&shown, "given_up"), ["authorize payment"]);
    assert!(told(&shown, "stuck").is_empty(), "what can be given up alarms nobody");
    assert_eq!(told(&shown, "undone"), ["authorize payment", "reserve stock", "check out cart"]);
    suite.end().await;
}

#[tokio::test]
async fn a_step_refused_after_silence_is_undone_too() {
    let suite = Suite::impatient().await;
    // The first request may still be on its way when the second is refused.
    suite.gateway.next("PUT inventory", &[Do::LoseReply, Do::Refuse(409, "out_of_stock")]);
    let order = suite.place().await;
    suite.becomes(order, "compensated").await;
    let effects = ["PUT store", "PUT inventory", "DELETE inventory", "DELETE store"];
    assert_eq!(suite.gateway.effects(order), effects);
    suite.end().await;
}

#[tokio::test]
async fn a_silent_decisive_step_raises_one_alarm_and_is_asked_until_it_answers() {
    let suite = Suite::start().await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = suite.place().await;
    eventually(async || suite.announced::<OrderStuck>().await == 1).await;
    let before = suite.gateway.times(order, "POST accounting/capture");
    eventually(async || suite.gateway.times(order, "POST accounting/capture") > before + 2).await;
    let shown = suite.show(order).await;
    assert_eq!((&shown["state"], told(&shown, "stuck")), (&"pending".into(), vec!["capture payment".to_owned()]));
    assert!(told(&shown, "undone").is_empty());

    suite.gateway.always("POST accounting/capture", Do::Accept);
    let shown = suite.becomes(order, "confirmed").await;
    assert_eq!(told(&shown, "stuck").len(), 1);
    assert_eq!((suite.announced::<OrderStuck>().await, suite.announced::<OrderConfirmed>().await), (1, 1));
    assert_eq!(suite.number("select count(*) from saga where stuck_since is not null").await, 0);
    suite.end().await;
}

#[tokio::test]
async fn a_refused_undo_is_no_success_but_an_alarm_at_once() {
    let suite = Suite::with(|config| config.sagas.stuck_after_ms = 600_000).await;
    suite.gateway.next("PUT accounting", &[Do::Refuse(409, "payment_declined")]);
    suite.gateway.next("DELETE inventory", &[Do::Refuse(409, "already_shipped"), Do::Refuse(409, "already_shipped")]);
    let order = suite.place().await;
    let shown = suite.becomes(order, "compensated").await;
    assert_eq!(told(&shown, "refused"), ["authorize payment", "reserve stock", "reserve stock"]);
    assert_eq!(told(&shown, "stuck"), ["reserve stock"]);
    assert_eq!(suite.announced::<OrderStuck>().await, 1);
    assert_eq!(
        suite.gateway.effects(order),
        ["PUT store", "PUT inventory", "DELETE accounting", "DELETE inventory", "DELETE store"]
    );
    suite.end().await;
}
