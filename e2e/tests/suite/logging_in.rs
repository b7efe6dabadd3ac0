//! Many log in at once.

use std::fs;

use e2e::Shopper;
use futures::future::try_join_all;
use launch::suite::Suite;

use crate::setting::programs;

/// What auth may hold in Compose and Kubernetes, in KiB.
const CONTAINER: u64 = 256 * 1024;

#[tokio::test]
async fn auth_stays_within_its_container_however_many_log_in() {
    let suite = Suite::temporary_of(&programs(), &["auth", "gateway"]).await.unwrap();
    for _ in 0..4 {
        let logins = ["alice", "bob", "carol", "olga"].repeat(5);
        try_join_all(logins.iter().map(|user| Shopper::log_in(suite.public_url(), user))).await.unwrap();
    }
    let auth = suite.status().into_iter().find(|it| it.id == "auth").unwrap();
    let most = most_memory(auth.pid.unwrap());
    assert!(most < CONTAINER, "{most} KiB at the most");
}

// In KiB, since it began. Without the pages of the program itself, of which one built for tests has many.
fn most_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let number = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    number("VmHWM:") - number("RssFile:")
}
