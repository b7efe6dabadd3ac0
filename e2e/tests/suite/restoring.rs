//! Services put back to earlier moments than the others: what is then disputed is named, and repaired as the logs decide.

use std::collections::BTreeSet;

use e2e::{Purchase, Shopper, invariants, patiently, reconciliation};
use launch::{
    Temporary,
    backup::{Backup, DATABASES},
    suite::Suite,
};
use serde_json::{Value, json};

use crate::setting::{databases, own_suite, shopper, state};

/// A suite with customers, staff and an operator, and a place for its backups.
struct World {
    suite: Suite,
    alice: Shopper,
    sam: Shopper,
    place: Temporary,
}

/// Orders that came to different ends.
struct Orders {
    confirmed: String,
    dispatched: String,
    delivered: String,
    cancelled: String,
    declined: String,
    not_captured: String,
}

/// Orders of an earlier time, and what becomes of them later.
struct Before {
    sent: String,
    taken_back: String,
}

impl Orders {
    fn all(&self) -> Vec<String> {
        let Self { confirmed, dispatched, delivered, cancelled, declined, not_captured } = self;
        [confirmed, dispatched, delivered, cancelled, declined, not_captured].map(Clone::clone).to_vec()
    }
}

impl World {
    async fn start() -> Self {
        let suite = own_suite().await;
        let (alice, sam) = (shopper(&suite, "alice").await, shopper(&suite, "sam").await);
        Self { suite, alice, sam, place: Temporary::new("moments").unwrap() }
    }

    async fn buy(&self, method: &str) -> String {
        let order = self.alice.buy(&Purchase::default().paid_with(method)).await.unwrap();
        order["id"].as_str().unwrap().to_owned()
    }

    async fn dispatch(&self, order: &str) {
        let path = format!("/api/shipping/v1/shipments/{order}");
        self.sam.see(&path, |shipment| shipment["state"] == "prepared").await.unwrap();
        self.sam.post(&format!("{path}/dispatch"), json!({})).await.unwrap().expect(200).unwrap();
        self.alice.until(order, |state| state == "dispatched").await.unwrap();
    }

    async fn deliver(&self, order: &str) {
        self.dispatch(order).await;
        let path = format!("/api/shipping/v1/shipments/{order}/deliver");
        self.sam.post(&path, json!({})).await.unwrap().expect(200).unwrap();
        self.alice.until(order, |state| state == "delivered").await.unwrap();
    }

    async fn cancel(&self, order: &str) {
        let path = format!("/api/order/v1/orders/{order}/cancellation");
        self.alice.post(&path, json!({})).await.unwrap().expect(202).unwrap();
        assert_eq!(state(&self.alice.ended(order).await.unwrap()), "cancelled");
    }

    /// One order for each way to end.
    async fn trade(&self) -> Orders {
        let orders = Orders {
            confirmed: self.buy("tok_ok").await,
            dispatched: self.buy("tok_ok").await,
            delivered: self.buy("tok_ok").await,
            cancelled: self.buy("tok_ok").await,
            declined: self.buy("tok_declined").await,
            not_captured: self.buy("tok_capture_declined").await,
        };
        self.dispatch(&orders.dispatched).await;
        self.deliver(&orders.delivered).await;
        self.cancel(&orders.cancelled).await;
        self.at_rest(&[]).await;
        orders
    }

    async fn at_rest(&self, but_for: &[String]) {
        let databases = databases(&self.suite);
        let clean = patiently(async || {
            let found = invariants::between(&databases).await?;
            let found: Vec<_> = found.into_iter().filter(|it| !but_for.iter().any(|id| it.contains(id))).collect();
            anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
            Ok(())
        });
        clean.await.unwrap();
    }

    async fn back_up(&self, name: &str) -> Backup {
        self.suite.back_up(&self.place.path().join(name)).await.unwrap()
    }

    async fn olga(&self) -> Shopper {
        shopper(&self.suite, "olga").await
    }

    /// Exactly these orders are disputed, as soon as the kept events have been heard again; each for a person or not.
    async fn disputed(&self, expected: &[&String]) -> Vec<Value> {
        let olga = self.olga().await;
        let expected: BTreeSet<_> = expected.iter().map(|id| id.as_str()).collect();
        let named = patiently(async || {
            let found = reconciliation::reconcile(&olga, &json!({"settled_for_seconds": 0})).await?;
            let ids: BTreeSet<_> = found.ids().into_iter().collect();
            let shown: String = found.disputed.iter().map(reconciliation::print).collect();
            anyhow::ensure!(ids == expected, "expected {expected:#?}, found\n{shown}");
            Ok(found.disputed)
        });
        named.await.unwrap()
    }

    /// Repairs until nobody disagrees, except about these; events that had been set aside take effect.
    async fn repair(&self, orphans: &str, but_for: &[String]) {
        let olga = self.olga().await;
        let wanted = json!({"repair": true, "orphans": orphans, "settled_for_seconds": 0});
        let repaired = reconciliation::reconcile(&olga, &wanted).await.unwrap();
        for taken in repaired.disputed.iter().flat_map(|it| it["taken"].as_array().unwrap()) {
            assert_eq!(taken["outcome"], "done", "{:#?}", repaired.disputed);
        }
        let databases = databases(&self.suite);
        let clean = patiently(async || {
            reconciliation::redrive(&olga).await?;
            let found = invariants::between(&databases).await?;
            let found: Vec<_> = found.into_iter().filter(|it| !but_for.iter().any(|id| it.contains(id))).collect();
            anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
            Ok(())
        });
        clean.await.unwrap();
        let again = reconciliation::reconcile(&olga, &wanted).await.unwrap();
        let left: String = again.disputed.iter().map(reconciliation::print).collect();
        assert!(again.disputed.is_empty(), "a second repair finds:\n{left}");
    }

    /// The orders of an earlier time, of which one leaves and one is cancelled after the moment that [`World::go_on`] ends.
    async fn before(&self) -> Before {
        self.trade().await;
        let before = Before { sent: self.buy("tok_ok").await, taken_back: self.buy("tok_ok").await };
        self.at_rest(&[]).await;
        before
    }

    async fn go_on(&self, before: &Before) -> Orders {
        let since = self.trade().await;
        // An inventory put back has not heard of it, and the store has.
        let bowls = json!({"quantity": 5, "reference": since.confirmed});
        self.sam.post("/api/inventory/v1/stock/BOWL-ASH/receipts", bowls).await.unwrap().expect(201).unwrap();
        self.dispatch(&before.sent).await;
        self.cancel(&before.taken_back).await;
        self.at_rest(&[]).await;
        since
    }

    /// One service is put back to a moment in the middle.
    async fn with_put_back(service: &str) -> (Self, Before, Orders) {
        let world = Self::start().await;
        let before = world.before().await;
        let moment = world.back_up("moment").await;
        let since = world.go_on(&before).await;
        world.suite.restore(&[(&moment, &[service])]).await.unwrap();
        (world, before, since)
    }
}

#[tokio::test]
async fn inventory_put_back_reserves_again_what_was_bought_since() {
    let (world, before, since) = World::with_put_back("inventory").await;
    let disputed = [&since.confirmed, &since.dispatched, &since.delivered, &since.cancelled, &before.taken_back];
    world.disputed(&disputed).await;
    world.repair("name", &[]).await;
}

#[tokio::test]
async fn accounting_put_back_takes_again_what_was_paid_since() {
    let (world, before, since) = World::with_put_back("accounting").await;
    let disputed = [&since.confirmed, &since.dispatched, &since.delivered, &since.cancelled, &before.taken_back];
    world.disputed(&disputed).await;
    world.repair("name", &[]).await;
    // The number may have gone to another order meanwhile; the order shows the one that accounting has.
    for id in [&since.confirmed, &since.dispatched, &since.delivered] {
        let payment = world.sam.get(&format!("/api/accounting/v1/payments/{id}")).await.unwrap().expect(200).unwrap();
        let number = payment.body["invoice_number"].clone();
        assert!(number.is_string(), "{}", payment.body);
        let path = format!("/api/order/v1/orders/{id}");
        world.alice.see(&path, |order| order["invoice_number"] == number).await.unwrap();
    }
}

#[tokio::test]
async fn shipping_put_back_books_again_and_knows_the_parcels_that_left() {
    let (world, before, since) = World::with_put_back("shipping").await;
    let number =
        async |path: String| world.sam.get(&path).await.unwrap().expect(200).unwrap().body["tracking_number"].clone();
    let known = number(format!("/api/order/v1/orders/{}", since.dispatched)).await;
    let disputed = [&since.confirmed, &since.dispatched, &since.delivered, &since.cancelled, &before.taken_back];
    world.disputed(&[&disputed[..], &[&before.sent]].concat()).await;
    world.repair("name", &[]).await;
    let found = number(format!("/api/shipping/v1/shipments/{}", since.dispatched)).await;
    assert_eq!(found, known, "the number on the parcel");
}

#[tokio::test]
async fn the_store_put_back_closes_the_carts_or_notes_that_they_are_gone() {
    let (world, _, since) = World::with_put_back("store").await;
    world.disputed(&[&since.confirmed, &since.dispatched, &since.delivered, &since.cancelled]).await;
    world.repair("name", &[]).await;
}

#[tokio::test]
async fn orders_put_back_name_what_only_others_know_and_undo_it_only_if_told() {
    let (world, before, since) = World::with_put_back("order").await;
    let strangers = since.all();
    let gone = [&since.dispatched, &since.delivered];
    world.disputed(&[&before.taken_back, &since.confirmed, &since.cancelled, gone[0], gone[1]]).await;
    // Told to repair, it leaves them alone.
    let olga = world.olga().await;
    let only_named = json!({"repair": true, "settled_for_seconds": 0});
    for disputed in reconciliation::reconcile(&olga, &only_named).await.unwrap().disputed {
        let known = disputed["order_id"] == before.taken_back.as_str();
        assert_eq!(disputed["taken"].as_array().unwrap().is_empty(), !known, "{disputed:#}");
    }
    assert_eq!(state(&world.alice.until(&before.taken_back, |state| state == "cancelled").await.unwrap()), "cancelled");
    let undo = json!({"repair": true, "orphans": "undo", "settled_for_seconds": 0});
    reconciliation::reconcile(&olga, &undo).await.unwrap();
    // What has left the building stays with whoever looks.
    let left = world.disputed(&gone).await;
    let steps = left.iter().flat_map(|it| it["disagreements"].as_array().unwrap()).map(|it| &it["steps"]);
    assert!(steps.into_iter().all(|steps| *steps == json!([])), "{left:#?}");
    let payment = world.sam.get(&format!("/api/accounting/v1/payments/{}", since.confirmed)).await.unwrap();
    assert_eq!(payment.body["state"], "refunded");
    world.at_rest(&strangers).await;
}

#[tokio::test]
async fn services_put_back_to_a_moment_each_are_repaired_to_what_the_orders_say() {
    let world = World::start().await;
    let mut moments = Vec::new();
    for service in ["store", "inventory", "accounting", "shipping"] {
        let before = world.before().await;
        moments.push((service, world.back_up(service).await));
        world.go_on(&before).await;
    }
    let moments: Vec<_> = moments.iter().map(|(service, moment)| (moment, [*service])).collect();
    let moments: Vec<_> = moments.iter().map(|(moment, service)| (*moment, &service[..])).collect();
    world.suite.restore(&moments).await.unwrap();
    world.repair("name", &[]).await;
    let order = world.buy("tok_ok").await;
    world.deliver(&order).await;
    world.at_rest(&[]).await;
}

#[tokio::test]
async fn everything_put_back_to_one_moment_of_a_busy_time_is_whole() {
    let world = World::start().await;
    let busy = async {
        for method in ["tok_ok", "tok_declined", "tok_capture_declined"].iter().cycle().take(30) {
            world.buy(method).await;
        }
    };
    let backups = async {
        let mut taken = Vec::new();
        for nr in 0..5 {
            world.buy("tok_ok").await;
            taken.push(world.back_up(&nr.to_string()).await);
        }
        taken
    };
    let (taken, ()) = tokio::join!(backups, busy);
    for moment in &taken {
        world.suite.restore(&[(moment, &DATABASES)]).await.unwrap();
        assert_eq!(invariants::inside(&databases(&world.suite)).await.unwrap(), Vec::<String>::new());
        // A token might have been revoked since the backup: none is good any more.
        let refused = world.alice.get("/api/order/v1/orders").await.unwrap();
        assert_eq!(refused.status, 401, "{}", refused.body);
        // Sagas go on, kept events are heard: nothing is left that anybody would have to repair.
        world.at_rest(&[]).await;
        world.disputed(&[]).await;
    }
}
