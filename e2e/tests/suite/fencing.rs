//! An `order` instance is frozen with sagas in its hands, another one takes them over when the leases have run out, and
//! then the first wakes up.

use std::{collections::BTreeMap, fs};

use anyhow::ensure;
use e2e::{Purchase, Shopper, patiently};
use futures::future::join_all;
use launch::{link::Way, suite::Suite, tail};
use sqlx::{Connection, PgConnection};

use crate::{
    breaking::{Breakable, breakable, place, whole},
    setting::{entries, shopper, state},
};

const SAGAS: usize = 8;
/// A lease lasts ten seconds from the asking and a call five: who was asked less than four seconds ago is still waited for.
const ASKED_LATELY: &str = "select count(*) from saga where step = 'authorize payment' and lease_holder is not null
     and due_at > clock_timestamp() + interval '6 seconds'";
const CONFIRMED: &str = "select count(*) from orders where state = 'confirmed'";
const AUTHORIZED: &str = "select count(*) from payment where state = 'authorized'";
/// Changes with whatever is written of a saga.
const WRITTEN: &str =
    "select sum(epoch)::bigint * 1000 + (select count(*) from saga_log where saga = 'checkout') from saga";
const TAKEN: &str = "another instance has taken the saga";
const UNSAVED: &str = "cannot save the saga";

async fn count(suite: &Suite, service: &str, sql: &'static str) -> i64 {
    let mut db = PgConnection::connect(&suite.database_url(service)).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
}

async fn all(suite: &Suite, service: &str, sql: &'static str) -> anyhow::Result<()> {
    let found = count(suite, service, sql).await;
    ensure!(usize::try_from(found)? == SAGAS, "{found} instead of {SAGAS}: {sql}");
    Ok(())
}

/// How many requests the gateway has passed on to the bank that are not answered.
async fn at_the_bank(operator: &Shopper) -> anyhow::Result<u64> {
    let services = operator.get("/api/registry/v1/services").await?.expect(200)?.body;
    let accounting = services["services"].as_array().into_iter().flatten().find(|it| it["name"] == "accounting");
    let instances = accounting.and_then(|it| it["instances"].as_array()).into_iter().flatten();
    Ok(instances.filter_map(|it| it["in_flight"].as_u64()).sum())
}

/// Orders that all wait for the bank, to which the way is stalled.
struct Waiting {
    it: Breakable,
    operator: Shopper,
    ids: Vec<String>,
}

impl Waiting {
    async fn begin() -> Self {
        let it = breakable().await;
        let (operator, alice) = (shopper(&it.suite, "olga").await, shopper(&it.suite, "alice").await);
        it.suite.set_way("gateway", "accounting", Way::Stalled).unwrap();
        let purchase = Purchase::default();
        let placed = (0..SAGAS).map(|_| place(&alice, &purchase));
        let ids = join_all(placed).await.into_iter().map(Result::unwrap).collect();
        Self { it, operator, ids }
    }

    /// The instance waits in a call for each of them, and does nothing else with them.
    async fn in_calls(&self) -> anyhow::Result<()> {
        all(&self.it.suite, "order", ASKED_LATELY).await?;
        let waiting = at_the_bank(&self.operator).await?;
        ensure!(waiting == SAGAS as u64, "the bank is asked by {waiting}");
        Ok(())
    }

    async fn are_confirmed(&self) {
        patiently(async || all(&self.it.suite, "order", CONFIRMED).await).await.unwrap();
    }

    /// Waits until the instance that woke up has let go of each, and has said so with one of these words.
    async fn let_go(&self, words: &[&str]) {
        let let_go = patiently(async || {
            let log = fs::read_to_string(self.it.log("order"))?;
            let told: usize = words.iter().map(|words| log.matches(words).count()).sum();
            ensure!(told == SAGAS, "{told} let go: {}", tail(&self.it.log("order"), 20));
            Ok(())
        });
        let_go.await.unwrap();
    }

    /// Each step was done once for each order.
    async fn ended_well(&self) {
        let alice = shopper(&self.it.suite, "alice").await;
        for id in &self.ids {
            let order = alice.ended(id).await.unwrap();
            assert_eq!(state(&order), "confirmed", "{order:#}");
            let mut done = BTreeMap::new();
            for step in entries(&order, "done") {
                *done.entry(step).or_insert(0) += 1;
            }
            assert!(done.len() == 6 && done.values().all(|times| *times == 1), "{done:?}");
        }
        whole(&self.it.suite, &self.ids).await;
    }
}

#[tokio::test]
async fn an_order_instance_that_wakes_up_after_its_lease_is_refused_by_the_epoch() {
    let waiting = Waiting::begin().await;
    let suite = &waiting.it.suite;
    // Looked at again when it is frozen: an instance that was just saving a saga may find on waking that it has waited too
    // long for the database, and asks no further.
    let frozen = patiently(async || {
        waiting.in_calls().await?;
        suite.pause("order")?;
        let still = waiting.in_calls().await;
        if still.is_err() {
            suite.resume("order")?;
        }
        still
    });
    frozen.await.unwrap();
    suite.set_way("gateway", "accounting", Way::Open).unwrap();
    suite.start_instance("order").await.unwrap();
    waiting.are_confirmed().await;
    let before = count(suite, "order", WRITTEN).await;
    suite.resume("order").unwrap();
    waiting.let_go(&[TAKEN]).await;
    assert_eq!(count(suite, "order", WRITTEN).await, before, "the instance that woke up has written");
    waiting.ended_well().await;
}

#[tokio::test]
async fn what_a_frozen_order_instance_had_on_its_way_to_the_database_changes_nothing_when_it_arrives() {
    let waiting = Waiting::begin().await;
    let suite = &waiting.it.suite;
    patiently(async || waiting.in_calls().await).await.unwrap();
    suite.set_way("order", "postgres", Way::Stalled).unwrap();
    suite.set_way("gateway", "accounting", Way::Open).unwrap();
    let answered = patiently(async || {
        all(suite, "accounting", AUTHORIZED).await?;
        let waiting = at_the_bank(&waiting.operator).await?;
        ensure!(waiting == 0, "{waiting} wait for the bank");
        Ok(())
    });
    answered.await.unwrap();
    suite.pause("order").unwrap();
    suite.start_instance("order").await.unwrap();
    waiting.are_confirmed().await;
    let before = count(suite, "order", WRITTEN).await;
    suite.set_way("order", "postgres", Way::Open).unwrap();
    suite.resume("order").unwrap();
    waiting.let_go(&[TAKEN, UNSAVED]).await;
    assert_eq!(count(suite, "order", WRITTEN).await, before, "what was on its way was written");
    waiting.ended_well().await;
}
