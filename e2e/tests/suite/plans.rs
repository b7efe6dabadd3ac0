//! What a client may use and what it used, on real processes: counted on when a gateway dies, and added up once.

use anyhow::{Result, ensure};
use e2e::{Shopper, client_token, patiently};
use launch::{Temporary, suite::Suite};
use serde_json::Value;

use crate::setting::{own_suite, shopper};

const STANDARD: &str = include_str!("../../../gateway/policies.toml");
const A_DAY: u64 = 20;

async fn restart_gateway(suite: &Suite, policies: &Temporary) {
    let file = policies.path().join("policies.toml");
    std::fs::write(&file, STANDARD.replace("day = 10_000_000", &format!("day = {A_DAY}"))).unwrap();
    suite.kill("gateway").unwrap();
    suite.start_with("gateway", &[("POLICIES", file.display().to_string())]).unwrap();
    suite.ready("gateway").await.unwrap();
}

/// Asks so often; how many were answered, the others being refused for the day.
async fn passed(suite: &Suite, token: &str, times: u64) -> u64 {
    let mut passed = 0;
    for _ in 0..times {
        let request = reqwest::Client::new().get(format!("{}/api/store/v1/products?limit=1", suite.public_url()));
        let answer = request.bearer_auth(token).send().await.unwrap();
        if answer.status() == 200 {
            passed += 1;
        } else {
            assert_eq!(answer.status(), 429);
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], "quota_exhausted");
        }
    }
    passed
}

/// Waits until the statement of the client says so many calls of the store, by class of status.
async fn stated(sam: &Shopper, class: u64, calls: u64) -> Result<()> {
    let today = time::OffsetDateTime::now_utc().date().to_string();
    let path = format!("/api/accounting/v1/usage-statements?month={}&client_id=reporting", &today[..7]);
    patiently(async || {
        let found = sam.get(&path).await?.expect(200)?.body;
        let lines = found["items"][0]["lines"].as_array().cloned().unwrap_or_default();
        let line = lines.iter().find(|it| it["route"] == "/api/store/v1/" && it["status_class"] == class);
        ensure!(line.is_some_and(|it| it["calls"] == calls), "not {calls}: {found:#}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_goes_on_after_a_gateway_died_and_every_call_is_on_the_statement_once() {
    let (suite, directory) = (own_suite().await, Temporary::new("plans").unwrap());
    restart_gateway(&suite, &directory).await;
    let sam = shopper(&suite, "sam").await;
    let secret = &suite.secrets().reporting_client;
    let token = client_token(suite.public_url(), "reporting", secret).await.unwrap();
    assert_eq!(passed(&suite, &token, 8).await, 8);
    stated(&sam, 2, 8).await.unwrap();
    restart_gateway(&suite, &directory).await;
    let more = passed(&suite, &token, A_DAY).await;
    // At the most one chunk, which is one call of twenty, went with the gateway that died.
    assert!((A_DAY - 9..=A_DAY - 8).contains(&more), "{more}");
    stated(&sam, 2, 8 + more).await.unwrap();
    stated(&sam, 4, A_DAY - more).await.unwrap();
}
