//! A private NATS server behaves as its users rely on.

use async_nats::jetstream;
use futures::StreamExt;
use launch::nats::Nats;

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_with_its_streams() {
    let nats = Nats::temporary().await.unwrap();
    let url = nats.url();
    let streams = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config =
        jetstream::stream::Config { name: "KEPT".into(), subjects: vec!["kept.>".into()], ..Default::default() };
    streams.create_stream(config).await.unwrap();
    for n in 0..3 {
        streams.publish(format!("kept.{n}"), "x".into()).await.unwrap().await.unwrap();
    }

    nats.kill();
    assert!(nats.has_ended());
    nats.restart().await.unwrap();

    assert_eq!(nats.url(), url);
    let streams = jetstream::new(async_nats::connect(&url).await.unwrap());
    let state = streams.get_stream("KEPT").await.unwrap().cached_info().state.clone();
    assert_eq!(state.messages, 3);
}

#[tokio::test]
async fn a_paused_server_answers_again_after_it_was_resumed() {
    let nats = Nats::temporary().await.unwrap();
    let client = async_nats::connect(nats.url()).await.unwrap();
    let mut messages = client.subscribe("x").await.unwrap();
    client.flush().await.unwrap();
    nats.pause();
    client.publish("x", "late".into()).await.unwrap();
    nats.resume();
    client.flush().await.unwrap();
    assert_eq!(messages.next().await.unwrap().payload, "late");
}
