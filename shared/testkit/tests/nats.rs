//! A NATS server that a test may break.

use async_nats::jetstream;

#[tokio::test]
async fn a_killed_server_is_back_at_its_address_with_its_streams() {
    let nats = testkit::nats::server().await;
    let url = nats.url();
    let streams = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config = jetstream::stream::Config { name: "KEPT".into(), subjects: vec!["kept".into()], ..Default::default() };
    streams.create_stream(config).await.unwrap();
    streams.publish("kept", "x".into()).await.unwrap().await.unwrap();

    nats.kill().await;
    assert!(async_nats::connect(&url).await.is_err());
    nats.restart().await;

    assert_eq!(nats.url(), url);
    let streams = jetstream::new(testkit::eventually(async || async_nats::connect(&url).await).await);
    assert_eq!(streams.get_stream("KEPT").await.unwrap().cached_info().state.messages, 1);
}

#[tokio::test]
async fn every_test_has_its_own_server() {
    let (one, two) = tokio::join!(testkit::nats::server(), testkit::nats::server());
    assert_ne!(one.url(), two.url());
}
