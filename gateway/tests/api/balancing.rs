//! Several instances of one service.

use std::collections::BTreeMap;

use crate::services::{Arrived, Instance, nobody};
use crate::world::{Gateway, World};

async fn counts(gateway: &Gateway, requests: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        let arrived = gateway.arrived("/api/store/v1/x", "good-1").await;
        *counts.entry(arrived.at).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn two_instances_share_the_requests() {
    let world = World::new().await;
    let (a, b) = (Instance::echo("a").await, Instance::echo("b").await);
    let gateway = world.gateway(&format!("store={},store={}", a.address, b.address)).await;
    let counts = counts(&gateway, 100).await;
    assert!(counts["a"] >= 20 && counts["b"] >= 20, "{counts:?}");
}

#[tokio::test]
async fn an_instance_that_cannot_be_reached_costs_no_request() {
    let world = World::new().await;
    let alive = Instance::echo("alive").await;
    let gateway = world.gateway(&format!("store={},store={}", nobody(), alive.address)).await;
    assert_eq!(counts(&gateway, 50).await["alive"], 50);
    let answer = gateway.client.post("/api/store/v1/x", "good-1", &"the whole body").await.expect(200);
    assert_eq!(answer.read::<Arrived>().body, "\"the whole body\"");
}

#[tokio::test]
async fn a_body_goes_to_the_other_instance_whole() {
    let world = World::new().await;
    for _ in 0..8 {
        let alive = Instance::echo("alive").await;
        let gateway = world.gateway(&format!("store={},store={}", nobody(), alive.address)).await;
        let answer = gateway.client.post("/api/store/v1/x", "good-1", &"the whole body").await.expect(200);
        assert_eq!(answer.read::<Arrived>().body, "\"the whole body\"");
    }
}

#[tokio::test]
async fn when_all_instances_are_gone_the_caller_is_told_so() {
    let world = World::new().await;
    let gateway = world.gateway(&format!("store={},store={}", nobody(), nobody())).await;
    for _ in 0..10 {
        let answer = gateway.get("/api/store/v1/x", "good-1").await.expect(503);
        assert_eq!(answer.code(), "unreachable");
    }
}
