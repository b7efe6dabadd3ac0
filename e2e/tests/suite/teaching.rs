//! An operator breaks something on purpose, and what is bought ends as it should all the same.

use e2e::{Purchase, Shopper, invariants, patiently};
use launch::suite::Suite;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::setting::{databases, entries, own_suite, shopper, state};

const FAULTS: &str = "/api/shipping/v1/faults";

async fn declare(olga: &Shopper, fault: Value) {
    let answer = olga.put(FAULTS, json!({"faults": [fault]})).await.unwrap().expect(200).unwrap();
    assert_eq!(answer.body["faults"][0]["met"], 0, "{}", answer.body);
}

/// A suite in which shipping can be broken, and `order` is impatient.
async fn suite() -> Suite {
    let suite = own_suite().await;
    suite.start_with("shipping", &[("FAULTS", "true".to_owned())]).unwrap();
    let impatient = [("CALL_TIMEOUT_MS", "500"), ("STEP_DEADLINE_MS", "5000")];
    suite.start_with("order", &impatient.map(|(name, value)| (name, value.to_owned()))).unwrap();
    let alice = shopper(&suite, "alice").await;
    for service in ["shipping/v1/countries", "order/v1/orders"] {
        let there = patiently(async || alice.get(&format!("/api/{service}")).await?.expect(200));
        there.await.unwrap();
    }
    suite
}

#[tokio::test]
async fn what_is_bought_while_shipping_hangs_three_times_is_confirmed_and_while_it_hangs_on_is_undone() {
    let suite = suite().await;
    let (alice, olga) = (shopper(&suite, "alice").await, shopper(&suite, "olga").await);
    let hang = |end: &str, number: u32| json!({"route": "/v1/shipments", "method": "PUT", "effect": {"kind": "hang"}, end: number});
    declare(&olga, hang("count", 3)).await;
    let order = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!(state(&order), "confirmed", "{order:#}");
    // At least once: the gateway asks again by itself if it knows another instance.
    assert!(entries(&order, "silent").contains(&"book shipment".to_owned()), "{order:#}");
    // It was met three times, so it is gone.
    assert_eq!(olga.get(FAULTS).await.unwrap().body, json!({"faults": []}));
    declare(&olga, hang("seconds", 600)).await;
    let order = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!(state(&order), "compensated", "{order:#}");
    olga.delete(FAULTS).await.unwrap().expect(204).unwrap();
    assert_eq!(state(&alice.buy(&Purchase::default()).await.unwrap()), "confirmed");
    let clean = patiently(async || {
        let found = invariants::between(&databases(&suite)).await?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    clean.await.unwrap();
}

#[tokio::test]
async fn a_declared_refusal_is_a_refusal_to_those_who_buy() {
    let suite = suite().await;
    let (alice, olga) = (shopper(&suite, "alice").await, shopper(&suite, "olga").await);
    let refuse = json!({"kind": "refuse", "status": 409, "code": "no_trucks"});
    declare(&olga, json!({"route": "/v1/shipments", "method": "PUT", "effect": refuse, "count": 1})).await;
    let order = alice.buy(&Purchase::default()).await.unwrap();
    assert_eq!((state(&order), &order["reason"]["code"]), ("compensated", &"no_trucks".into()), "{order:#}");
}

#[tokio::test]
async fn nobody_but_an_operator_breaks_anything_and_nobody_where_it_is_not_allowed() {
    let suite = suite().await;
    let hang = json!({"faults": [{"route": "/v1", "effect": {"kind": "hang"}, "seconds": 60}]});
    let nobody = Shopper::with_token(suite.public_url(), "").unwrap();
    for (who, status) in [
        (shopper(&suite, "alice").await, StatusCode::FORBIDDEN),
        (shopper(&suite, "sam").await, StatusCode::FORBIDDEN),
        (nobody, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(who.put(FAULTS, hang.clone()).await.unwrap().status, status);
        assert_eq!(who.get(FAULTS).await.unwrap().status, status);
        assert_eq!(who.delete(FAULTS).await.unwrap().status, status);
    }
    let olga = shopper(&suite, "olga").await;
    let answer = olga.put("/api/store/v1/faults", hang).await.unwrap();
    assert_eq!((answer.status, &answer.body["code"]), (StatusCode::NOT_FOUND, &"faults_not_allowed".into()));
}
