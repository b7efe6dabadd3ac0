//! Instances come and go.

use futures::TryStreamExt;
use gateway::cache::Limits;
use gateway::config::DiscoverySetting;
use gateway::policies::Policies;
use testkit::eventually;

use crate::services::Instance;
use crate::world::World;

#[tokio::test]
async fn a_registered_instance_gets_requests_until_it_leaves() {
    let world = World::new().await;
    let gateway = world.gateway_with(DiscoverySetting::Registry, Policies::standard(), Limits::default()).await;
    let answer = gateway.get("/api/inventory/v1/x", "good-1").await.expect(503);
    assert_eq!(answer.code(), "no_instance");

    let first = Instance::echo("first").await;
    let first_registered = world.register("inventory", &first).await;
    gateway.finds("inventory").await;
    let second = Instance::echo("second").await;
    let _second_registered = world.register("inventory", &second).await;
    eventually(async || gateway.arrived("/api/inventory/v1/x", "good-1").await.at == "second").await;

    // It deregisters, and stops some time later: no request may fail in between.
    first_registered.withdraw().await;
    let mut second_in_a_row = 0;
    eventually(async || {
        let at_second = gateway.arrived("/api/inventory/v1/x", "good-1").await.at == "second";
        second_in_a_row = if at_second { second_in_a_row + 1 } else { 0 };
        second_in_a_row == 30
    })
    .await;
    first.stop();
    for _ in 0..20 {
        assert_eq!(gateway.arrived("/api/inventory/v1/x", "good-1").await.at, "second");
    }
}

#[tokio::test]
async fn the_gateway_registers_itself() {
    let world = World::new().await;
    let gateway = world.gateway_with(DiscoverySetting::Registry, Policies::standard(), Limits::default()).await;
    let directory = registry::Registry::connect(&world.nats.url()).await.unwrap().watch();
    eventually(async || directory.instances("gateway").first().is_some_and(|g| g.address == gateway.url)).await;
}

#[tokio::test]
async fn instances_stay_when_the_watch_of_the_registry_breaks_off_without_a_word() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let _registered = world.register("store", &store).await;
    let directory = registry::Registry::connect(&world.nats.url()).await.unwrap().watch();
    eventually(async || !directory.instances("store").is_empty()).await;

    let jetstream = async_nats::jetstream::new(async_nats::connect(world.nats.url()).await.unwrap());
    let stream = jetstream.get_stream("KV_services").await.unwrap();
    let watches: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    assert_eq!(watches.len(), 1, "{watches:?}");
    stream.delete_consumer(&watches[0]).await.unwrap();

    let _another = world.register("order", &store).await;
    eventually(async || {
        assert_eq!(directory.instances("store").len(), 1);
        !directory.instances("order").is_empty()
    })
    .await;
}
