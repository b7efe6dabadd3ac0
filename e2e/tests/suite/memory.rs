//! What a process holds, whatever is asked of it.

use std::fs;

use e2e::{Shopper, client_token};
use futures::{StreamExt, future::try_join_all, stream};
use launch::suite::Suite;

use crate::setting::programs;

/// What auth may hold in Compose and Kubernetes, in KiB.
const CONTAINER: u64 = 256 * 1024;
/// Answers that are kept: enough to be seen among what a process takes in and gives back meanwhile.
const ANSWERS: u32 = 1_500;
/// Others, before anything is counted.
const WARM_UP: u32 = 300;
/// Of what a process takes in and gives back, in KiB.
const OTHER: f64 = 4_096.0;

#[tokio::test]
async fn auth_stays_within_its_container_however_many_log_in() {
    let suite = Suite::temporary_of(&programs(), &["auth", "gateway"]).await.unwrap();
    for _ in 0..4 {
        let logins = ["alice", "bob", "carol", "olga"].repeat(5);
        try_join_all(logins.iter().map(|user| Shopper::log_in(suite.public_url(), user))).await.unwrap();
    }
    let auth = process(&suite, "auth");
    // Without the pages of the program itself, of which one built for tests has many.
    let most = kib(auth, "VmHWM:") - kib(auth, "RssFile:");
    assert!(most < CONTAINER, "{most} KiB at the most");
}

#[tokio::test]
async fn what_the_gateway_keeps_of_answers_takes_about_what_it_says() {
    let suite = Suite::temporary_of(&programs(), &["auth", "gateway", "store"]).await.unwrap();
    let token = client_token(suite.public_url(), "reporting", &suite.secrets().reporting_client).await.unwrap();
    let reporting = Shopper::with_token(suite.public_url(), &token).unwrap();
    let gateway = process(&suite, "gateway");
    // What each thread takes once is none of it.
    stream::iter(0..WARM_UP).for_each_concurrent(8, |nth| ask(&reporting, nth)).await;
    let before = (kib(gateway, "RssAnon:"), said(&suite).await);
    stream::iter(WARM_UP..WARM_UP + ANSWERS).for_each_concurrent(8, |nth| ask(&reporting, nth)).await;
    let (grown, said) = (kib(gateway, "RssAnon:").saturating_sub(before.0), said(&suite).await - before.1);
    assert!(said > f64::from(ANSWERS), "{said} KiB: what was answered is not kept");
    #[allow(clippy::cast_precision_loss)] // megabytes
    let grown = grown as f64;
    assert!(grown < 1.25 * said + OTHER, "{grown} KiB for what is said to be {said} KiB");
}

// Short, and another one each time: nothing costs so much.
async fn ask(reporting: &Shopper, nth: u32) {
    let path = format!("/api/store/v1/products?currency=EUR&price_min={}", 90_000_000 + nth);
    assert_eq!(reporting.get(&path).await.unwrap().status, 200);
}

// KiB that the gateway's caches say they hold.
async fn said(suite: &Suite) -> f64 {
    let ops = suite.status().into_iter().find(|it| it.id == "gateway").unwrap().ops;
    let metrics = reqwest::get(format!("{ops}/metrics")).await.unwrap().text().await.unwrap();
    let bytes = metrics.lines().filter(|line| line.starts_with("gateway_cache_bytes"));
    bytes.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>() / 1024.0
}

fn process(suite: &Suite, id: &str) -> u32 {
    suite.status().into_iter().find(|it| it.id == id).unwrap().pid.unwrap()
}

fn kib(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
