//! Several instances on one database: each saga is worked on by one, and by another when that one is gone.

use std::time::Duration;

use contracts::{OrderId, order::OrderConfirmed};
use order::{
    checkout::CHECKOUT,
    db::{orders, sagas},
    saga::{
        Progress,
        held::Held,
        worker::{Rest, Worker},
    },
};
use testkit::eventually;

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, wanted},
};

const FORWARDS: [&str; 5] = ["PUT store", "PUT inventory", "PUT accounting", "PUT shipping", "POST accounting/capture"];

/// An order whose saga nobody has taken yet and no running instance will find: it is due in an hour.
async fn untaken(suite: &Suite, worker: &Worker) -> Held {
    let order = suite.confirmed().await;
    let mut db = worker.pool.single("test").await.unwrap();
    let mut order = orders::find_order(&mut db, order, None).await.unwrap().unwrap();
    order.id = OrderId::generate();
    order.state = order::domain::State::Pending;
    (order.basket, order.facts) = (None, order::domain::Facts::default());
    orders::insert_order(&mut db, &order).await.unwrap();
    let start = CHECKOUT.standing(&Progress::START);
    let hour = Duration::from_hours(1);
    let taken = sagas::insert_saga(&mut db, order.id, CHECKOUT.name, &start, "nobody", hour).await.unwrap();
    Held::new(&CHECKOUT, &taken, order).unwrap()
}

#[tokio::test]
async fn two_instances_do_each_step_of_each_order_once() {
    // Nothing is asked again for being slow, nor taken over.
    let suite = Suite::with(|config| {
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (60_000, 600_000);
    })
    .await;
    let other = suite.another().await;
    let mut placed = Vec::new();
    for turn in 0..30 {
        let instance = if turn % 2 == 0 { &suite.order } else { &other };
        placed.push(suite.post_as(instance, &suite.alice(), &any_key(), 0, &wanted()).await.expect(202));
    }
    for order in placed.iter().map(id) {
        suite.becomes(order, "confirmed").await;
        assert_eq!(suite.gateway.effects(order), FORWARDS);
        assert_eq!(suite.gateway.asked(order).len(), FORWARDS.len(), "nobody asked twice");
    }
    assert_eq!(suite.announced::<OrderConfirmed>().await, 30);
    other.stop().await;
    suite.end().await;
}

#[tokio::test]
async fn an_outcome_found_by_another_instance_is_told_to_whoever_waits_here() {
    let suite = Suite::with(|config| config.sagas.saga_concurrency = 1).await;
    suite.gateway.always("PUT store", Do::Unavailable);
    let (alice, key, wanted) = (suite.alice(), any_key(), wanted());
    let waiting = suite.post_as(&suite.order, &alice, &key, 8, &wanted);
    let elsewhere = async {
        eventually(async || suite.number("select count(*) from saga_log where what = 'silent'").await > 0).await;
        // The same as if another instance had been faster.
        suite.execute("update orders set state = 'compensated'").await;
    };
    let (answer, ()) = tokio::join!(waiting, elsewhere);
    assert_eq!(answer.expect(201).json()["state"], "compensated");
    suite.gateway.always("PUT store", Do::Accept);
    suite.end().await;
}

#[tokio::test]
async fn a_stalled_instance_that_wakes_up_cannot_write() {
    let suite = Suite::start().await;
    let stalled = suite.worker(Duration::from_millis(100)).await;
    let mut held = untaken(&suite, &stalled).await;
    let order = held.order.id;
    suite.gateway.next("PUT inventory", &[Do::Hold]);
    let work = tokio::spawn(async move { stalled.work(&mut held, None).await });
    eventually(async || suite.gateway.times(order, "PUT inventory") == 1).await;
    suite.becomes(order, "confirmed").await;
    let log = "select count(*) from saga_log";
    let entries = suite.number(log).await;

    suite.gateway.release();
    assert_eq!(work.await.unwrap().unwrap(), Rest::Lost);
    assert_eq!(suite.number(log).await, entries, "nothing was written");
    assert_eq!(suite.gateway.effects(order), FORWARDS);
    assert!(suite.number("select max(epoch) from saga").await > 1);
    assert_eq!(suite.announced::<OrderConfirmed>().await, 2, "one for each order of this test");
    suite.end().await;
}

#[tokio::test]
async fn a_taking_that_was_superseded_asks_nobody() {
    let suite = Suite::start().await;
    let worker = suite.worker(Duration::from_secs(10)).await;
    let mut held = untaken(&suite, &worker).await;
    let order = held.order.id;
    suite.execute("update saga set due_at = now(), epoch = epoch + 1, lease_holder = 'x' where ended_at is null").await;
    assert_eq!(worker.work(&mut held, None).await.unwrap(), Rest::Lost);
    suite.becomes(order, "confirmed").await;
    assert_eq!(suite.gateway.asked(order).len(), FORWARDS.len(), "the running instance asked, and nobody else");
    suite.end().await;
}

#[tokio::test]
async fn a_crashed_instances_saga_is_taken_over_when_its_lease_runs_out() {
    let suite = Suite::start().await;
    let crashing = suite.worker(Duration::from_millis(300)).await;
    let mut held = untaken(&suite, &crashing).await;
    let order = held.order.id;
    suite.gateway.next("POST accounting/capture", &[Do::LoseReply]);
    let work = tokio::spawn(async move { crashing.work(&mut held, None).await });
    eventually(async || suite.gateway.times(order, "POST accounting/capture") == 1).await;
    work.abort();
    suite.becomes(order, "confirmed").await;
    assert_eq!(suite.gateway.effects(order), FORWARDS);
    assert_eq!(suite.gateway.times(order, "POST accounting/capture"), 2);
    suite.end().await;
}

#[tokio::test]
async fn a_saga_of_a_newer_version_is_left_to_an_instance_that_knows_it() {
    let suite = Suite::start().await;
    let worker = suite.worker(Duration::from_secs(10)).await;
    let (newer, other) = (untaken(&suite, &worker).await.order.id, untaken(&suite, &worker).await.order.id);
    suite
        .execute(&format!(
            "alter table saga drop constraint saga_name_check;
             update saga set name = 'checkout-2', due_at = now() - interval '1 hour' where order_id = '{newer}';
             update saga set due_at = now() where order_id = '{other}'"
        ))
        .await;
    // It would have been taken together with this one, or before.
    suite.becomes(other, "confirmed").await;
    assert_eq!(suite.number(&format!("select epoch from saga where order_id = '{newer}'")).await, 1);
    suite.execute("delete from saga where name = 'checkout-2'").await;
    suite.end().await;
}

#[tokio::test]
async fn a_stopped_instance_leaves_its_sagas_to_another_at_once() {
    let mut suite = Suite::with(|config| config.sagas.saga_lease_ms = 600_000).await;
    suite.gateway.always("PUT shipping", Do::Unavailable);
    let orders = futures::future::join_all((0..5).map(|_| suite.place())).await;
    let silent = "select count(distinct order_id) from saga_log where what = 'silent'";
    eventually(async || suite.number(silent).await == 5).await;
    let other = suite.another().await;
    std::mem::replace(&mut suite.order, other).stop().await;
    suite.gateway.always("PUT shipping", Do::Accept);
    for order in orders {
        suite.becomes(order, "confirmed").await;
    }
    suite.end().await;
}

#[tokio::test]
async fn an_instance_that_stops_in_the_middle_of_a_call_writes_down_its_answer() {
    let mut suite = Suite::with(|config| {
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (5_000, 600_000);
    })
    .await;
    suite.gateway.next("PUT accounting", &[Do::Hold]);
    let order = suite.place().await;
    eventually(async || suite.gateway.times(order, "PUT accounting") == 1).await;
    let other = suite.another().await;
    let stopping = tokio::spawn(std::mem::replace(&mut suite.order, other).stop());
    suite.gateway.release();
    stopping.await.unwrap();
    suite.becomes(order, "confirmed").await;
    assert_eq!(suite.gateway.times(order, "PUT accounting"), 1);
    suite.end().await;
}

#[tokio::test]
async fn a_saga_that_waits_for_its_turn_is_kept_past_its_lease() {
    let suite = Suite::start().await;
    let worker = suite.worker(Duration::from_secs(2)).await;
    let mut held = untaken(&suite, &worker).await;
    let order = held.order.id;
    let mut others: Vec<_> = std::iter::from_fn(|| worker.turns.try_take("inventory")).collect();
    assert_eq!(worker.work(&mut held, None).await.unwrap(), Rest::ForTurn("inventory"));
    let waiting = worker.clone();
    let wait = tokio::spawn(async move { (waiting.wait_for_turn(&mut held, "inventory").await, held) });
    // The running instance would take it at the end of its lease.
    let kept = format!("select count(*) from saga where order_id = '{order}' and due_at > started_at + interval '5 s'");
    eventually(async || suite.number(&kept).await == 1).await;
    others.pop();
    let (turn, mut held) = wait.await.unwrap();
    assert_eq!(worker.work(&mut held, turn.unwrap()).await.unwrap(), Rest::Ended);
    assert_eq!(suite.number(&format!("select epoch from saga where order_id = '{order}'")).await, 1);
    assert_eq!(suite.gateway.effects(order), FORWARDS);
    suite.end().await;
}

#[tokio::test]
async fn a_saga_that_was_taken_while_it_waited_for_its_turn_asks_nobody() {
    let suite = Suite::start().await;
    let worker = suite.worker(Duration::from_millis(200)).await;
    let mut held = untaken(&suite, &worker).await;
    let order = held.order.id;
    let others: Vec<_> = std::iter::from_fn(|| worker.turns.try_take("inventory")).collect();
    assert_eq!(worker.work(&mut held, None).await.unwrap(), Rest::ForTurn("inventory"));
    suite.execute("update saga set epoch = epoch + 1, due_at = now() where ended_at is null").await;
    assert!(worker.wait_for_turn(&mut held, "inventory").await.unwrap().is_none());
    drop(others);
    assert_eq!(worker.work(&mut held, None).await.unwrap(), Rest::Lost);
    suite.becomes(order, "confirmed").await;
    assert_eq!(suite.gateway.asked(order).len(), FORWARDS.len());
    suite.end().await;
}

#[tokio::test]
async fn sagas_that_wait_for_their_turn_are_left_to_another_instance_at_once() {
    let mut suite = Suite::with(|config| {
        config.participants.calls_per_participant = 1;
        (config.participants.call_timeout_ms, config.sagas.saga_lease_ms) = (5_000, 600_000);
    })
    .await;
    suite.gateway.next("PUT shipping", &[Do::Hold]);
    let orders = futures::future::join_all((0..5).map(|_| suite.place())).await;
    let at_shipping = "select count(*) from saga where step = 'book shipment'";
    eventually(async || suite.number(at_shipping).await == 5).await;
    let other = suite.another().await;
    let stopping = tokio::spawn(std::mem::replace(&mut suite.order, other).stop());
    let left = "select count(*) from saga where state = 'done'";
    eventually(async || suite.number(left).await == 4).await;
    suite.gateway.release();
    stopping.await.unwrap();
    for order in orders {
        suite.becomes(order, "confirmed").await;
    }
    suite.end().await;
}
