//! Processes are frozen, ways broken, clocks set and servers restarted while orders are under way.

use std::time::Duration;

use e2e::{Purchase, Shopper, faults, patiently};
use launch::{Temporary, link::Way};

use crate::{
    breaking::{breakable, felt, felt_by_newcomers, place, sells, under_way, whole},
    setting::{own_suite, programs, shopper, state},
};

/// Something of each service that is read by whoever has a token, and that the gateway keeps no copy of.
const READ: [(&str, &str); 5] = [
    ("store", "/api/store/v1/carts"),
    ("inventory", "/api/inventory/v1/stock/MUG-BLUE"),
    ("accounting", "/api/accounting/v1/payments"),
    ("shipping", "/api/shipping/v1/shipments"),
    ("order", "/api/order/v1/orders"),
];

#[tokio::test]
async fn every_process_frozen_under_load_goes_on_where_it_was() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    let (mut ids, reads) = (Vec::new(), READ.map(|(id, path)| (id, path)));
    for (id, path) in reads.into_iter().chain([("gateway", "/api/store/v1/carts")]) {
        ids.extend(under_way(&suite, 3).await);
        suite.pause(id).unwrap();
        felt(&alice, path).await;
        suite.resume(id).unwrap();
    }
    ids.extend(under_way(&suite, 3).await);
    suite.pause("auth").unwrap();
    felt(&Shopper::with_token(suite.public_url(), "").unwrap(), "/auth/.well-known/openid-configuration").await;
    suite.resume("auth").unwrap();
    whole(&suite, &ids).await;
    sells(&suite).await;
}

#[tokio::test]
async fn every_way_is_broken_once_and_nothing_is_lost() {
    let it = breakable().await;
    let ways = [Way::Cut, Way::HalfOpen, Way::Stalled, Way::Slow(Duration::from_millis(50))];
    let links = it.suite.links();
    // Five services ask auth, PostgreSQL and NATS, order the gateway as well; auth asks two, and the gateway seven.
    assert_eq!(links.len(), 25, "{links:?}");
    let mut ids = Vec::new();
    // Each way breaks another link of each kind, so that all are broken once and one order meets several.
    for (round, part) in links.chunks(links.len().div_ceil(6)).enumerate() {
        ids.extend(under_way(&it.suite, 3).await);
        for (nr, (from, to)) in part.iter().enumerate() {
            it.suite.set_way(from, to, ways[(round + nr) % ways.len()]).unwrap();
        }
        let alice = Shopper::log_in(it.suite.public_url(), "alice").await;
        // Whether it comes about depends on what is broken; that it is not half done does not.
        let tried = async { place(&alice?, &Purchase::default()).await };
        if let Ok(Ok(id)) = tokio::time::timeout(Duration::from_secs(5), tried).await {
            ids.push(id);
        }
        for (from, to) in part {
            it.suite.set_way(from, to, Way::Open).unwrap();
        }
        sells(&it.suite).await;
    }
    whole(&it.suite, &ids).await;
}

#[tokio::test]
async fn a_service_that_nats_has_lost_without_a_word_comes_back_by_itself() {
    let it = breakable().await;
    it.suite.set_way("store", "nats", Way::HalfOpen).unwrap();
    felt(&shopper(&it.suite, "alice").await, "/api/store/v1/carts").await;
    // What is connected now stays dead although the way is open.
    it.suite.set_way("store", "nats", Way::Open).unwrap();
    sells(&it.suite).await;
    whole(&it.suite, &[]).await;
}

#[tokio::test]
async fn instances_stay_known_while_nats_stands_still() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    suite.nats().pause();
    let began = std::time::Instant::now();
    // Longer than an instance may be silent.
    while began.elapsed() < Duration::from_secs(9) {
        assert_eq!(state(&alice.buy(&Purchase::default()).await.unwrap()), "confirmed");
    }
    suite.nats().resume();
    whole(&suite, &[]).await;
}

#[tokio::test]
async fn servers_killed_and_restarted_under_load_lose_nothing() {
    let suite = own_suite().await;
    let mut ids = under_way(&suite, 6).await;
    suite.postgres().restart(true).await.unwrap();
    ids.extend(patiently(async || place(&shopper(&suite, "bob").await, &Purchase::default()).await).await);
    suite.nats().kill();
    ids.extend(under_way(&suite, 6).await);
    suite.nats().restart().await.unwrap();
    whole(&suite, &ids).await;
    sells(&suite).await;
}

#[tokio::test]
async fn a_process_with_its_clock_an_hour_off_stops_orders_and_loses_none() {
    let it = breakable().await;
    let mut ids = Vec::new();
    for (id, path, ahead) in [
        ("accounting", "/api/accounting/v1/payments", 3_600),
        ("inventory", "/api/inventory/v1/stock/MUG-BLUE", -3_600),
        ("order", "/api/order/v1/orders", 3_600),
    ] {
        let alice = shopper(&it.suite, "alice").await;
        ids.extend(under_way(&it.suite, 3).await);
        it.suite.set_clock(id, ahead).unwrap();
        // What it is sent is not valid by its clock.
        felt(&alice, path).await;
        it.suite.set_clock(id, 0).unwrap();
        sells(&it.suite).await;
    }
    whole(&it.suite, &ids).await;
}

#[tokio::test]
async fn auth_with_its_clock_an_hour_off_ends_sessions_and_no_order() {
    let it = breakable().await;
    for ahead in [3_600, -3_600] {
        let ids = under_way(&it.suite, 3).await;
        it.suite.set_clock("auth", ahead).unwrap();
        felt_by_newcomers(&it.suite, "/api/order/v1/orders").await;
        it.suite.set_clock("auth", 0).unwrap();
        sells(&it.suite).await;
        whole(&it.suite, &ids).await;
    }
}

#[tokio::test]
async fn a_minute_of_random_faults_loses_nothing() {
    let directory = Temporary::new("faults").unwrap();
    let settings = faults::Settings {
        programs: &programs(),
        directory: directory.path(),
        seed: 20_261_121,
        lasts: Duration::from_secs(1),
        round: Duration::from_secs(45),
        shoppers: 6,
    };
    let report = faults::run(&settings).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{report}");
    assert!(report.faults.values().sum::<u64>() > 10, "{report}");
}
