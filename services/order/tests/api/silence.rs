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
async fn a_participant_that_asks_to_come_later_is_not_asked_before() {
    let suite = Suite::with(|config| config.sagas.retry_delay_max_ms = 60_000).await;
    suite.gateway.next("PUT inventory", &[Do::Later(30)]);
    let order = suite.place().await;
    let resting = "select count(*) from saga where attempts = 1 and lease_holder is null
                   and due_at > clock_timestamp() + interval '20 seconds'";
    eventually(async || suite.number(resting).await == 1).await;
    assert_eq!(suite.gateway.times(order, "PUT inventory"), 1);
    suite.execute("update saga set due_at = now()").await;
    suite.becomes(order, "confirmed").await;
    suite.end().await;
}

#[tokio::test]
async fn the_log_of_a_step_that_stays_silent_grows_slower_and_slower_and_the_last_silence_is_shown() {
    let suite = Suite::with(|config| {
        config.sagas.stuck_after_ms = 0;
        (config.sagas.retry_delay_ms, config.sagas.retry_delay_max_ms) = (1, 1);
    })
    .await;
    suite.gateway.always("POST accounting/capture", Do::Unavailable);
    let order = suite.place().await;
    let last = "select coalesce(max((last_silence->>'attempt')::bigint), 0) from saga";
    eventually(async || suite.number(last).await > 40).await;
    suite.gateway.always("POST accounting/capture", Do::Refuse(500, "another_trouble"));
    let sagas = async || suite.order.client.get("/v1/sagas?state=stuck", &suite.olga()).await.expect(200).json();
    let shown = eventually(async || {
        let silence = sagas().await["items"][0]["last_silence"].clone();
        if silence["detail"]["why"].to_string().contains("another_trouble") { Ok(silence) } else { Err(silence) }
    });
    assert_eq!(shown.await["step"], "capture payment");
    suite.gateway.always("POST accounting/capture", Do::Accept);
    let shown = suite.becomes(order, "confirmed").await;
    let capture = |what: &str| -> Vec<i64> {
        let of_it = shown["timeline"].as_array().unwrap().iter();
        let of_it = of_it.filter(|entry| entry["step"] == "capture payment" && entry["what"] == what);
        of_it.map(|entry| entry["attempt"].as_i64().unwrap()).collect()
    };
    let done = capture("done")[0];
    assert!(done > 40, "every attempt counts");
    let told: Vec<i64> = (0..32).map(|power| 1 << power).take_while(|attempt| *attempt < done).collect();
    assert_eq!(capture("silent"), told);
    assert!(capture("asked").starts_with(&told));
    assert_eq!(suite.number("select count(*) from saga where last_silence is not null and ended_at is null").await, 0);
    suite.end().await;
}

#[tokio::test]
async fn a_participant_that_hangs_holds_up_nobody_who_does_not_need_it() {
    let suite = Suite::with(|config| {
        (config.sagas.saga_concurrency, config.participants.calls_per_participant) = (8, 2);
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (50_000, 60_000);
    })
    .await;
    let cancelled = suite.confirmed().await;
    suite.gateway.always("PUT shipping", Do::Hold);
    let hanging = futures::future::join_all((0..30).map(|_| suite.place())).await;
    let at_shipping = "select count(*) from saga where name = 'checkout' and step = 'book shipment'";
    eventually(async || suite.number(at_shipping).await == 30).await;
    let called: usize = hanging.iter().map(|order| suite.gateway.times(*order, "PUT shipping")).sum();
    assert_eq!(called, 2, "the others wait for their turn");

    suite.gateway.next("PUT accounting", &[Do::Refuse(409, "payment_declined")]);
    let declined = suite.place().await;
    suite.becomes(declined, "compensated").await;
    suite.gateway.next("DELETE inventory", &[Do::Unavailable]);
    suite.gateway.next("PUT inventory", &[Do::Refuse(409, "out_of_stock")]);
    let short = suite.place().await;
    suite.becomes(short, "compensated").await;
    suite.cancel(cancelled).await.expect(202);
    assert_eq!(suite.show(cancelled).await["state"], "cancelling", "its first step is shipping's too");

    suite.gateway.release();
    for order in hanging {
        let shown = suite.becomes(order, "confirmed").await;
        assert!(told(&shown, "silent").is_empty());
    }
    suite.becomes(cancelled, "cancelled").await;
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
