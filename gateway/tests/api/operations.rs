//! What an operator sees and sets.

use gateway::cache::Limits;
use gateway::config::{Config, DiscoverySetting, TlsSettings, discovery};
use gateway::policies::Policies;
use testkit::{Client, eventually};
use tokio::net::TcpStream;

use crate::auth::Auth;
use crate::world::{PUBLIC_URL, SECRET, World};

#[tokio::test]
async fn it_is_ready_once_auth_and_nats_have_answered() {
    let (auth, nats) = (Auth::start().await, testkit::nats::server().await);
    nats.kill().await;
    let web = web::Settings::on_loopback(PUBLIC_URL, &auth.url, &nats.url());
    let (discovery, gateway_client_secret) = (DiscoverySetting::Registry, SECRET.to_owned().into());
    let config =
        Config { web, discovery, policies: None, runtimes: None, tls: TlsSettings::default(), gateway_client_secret };
    let (service, router) = gateway::start(&config, Policies::standard().shared(), Limits::default()).await.unwrap();
    let ops = Client::new(&service.handle().unwrap().ops);
    tokio::spawn(service.serve(router));
    eventually(async || ops.get("/readyz", "").await.json()["auth"] == true).await;
    let report = ops.get("/readyz", "").await.expect(503).json();
    assert_eq!(report["nats"], false);
    nats.restart().await;
    eventually(async || ops.get("/readyz", "").await.status == 200).await;
}

#[tokio::test]
async fn it_counts_requests_exchanges_and_cache_hits() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    gateway.arrived("/api/store/v1/x", "good-1").await;
    gateway.get("/api/store/v1/x", "bad-1").await.expect(401);
    let metrics = gateway.ops.get("/metrics", "").await.expect(200).body;
    for line in [
        "gateway_requests_total{route=\"/api/store/v1/\",status=\"2xx\"}",
        "gateway_requests_total{route=\"/api/store/v1/\",status=\"4xx\"}",
        "gateway_request_seconds_bucket{route=\"/api/store/v1/\",le=\"",
        "gateway_token_cache_total{result=\"hit\"}",
        "gateway_token_cache_total{result=\"miss\"}",
        "gateway_token_exchanges_total{outcome=\"granted\"}",
        "gateway_token_exchanges_total{outcome=\"refused\"}",
        "gateway_in_flight{service=\"store\"} ",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn it_stops_when_told_and_finishes_what_is_under_way() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    let client = gateway.client.clone();
    let slow = tokio::spawn(async move { client.get("/api/store/v1/x", "held-1").await });
    eventually(async || !world.auth.asked("held-1").is_empty()).await;
    gateway.running.stop();
    eventually(async || gateway.ops.get("/readyz", "").await.status == 503).await;
    world.auth.let_go();
    slow.await.unwrap().expect(200);
}

#[tokio::test]
async fn requests_on_every_runtime_are_finished_and_then_nobody_is_let_in() {
    let world = World::new().await;
    let (gateway, _store) = world.gateway_with_store(Limits::default()).await;
    // A connection each, so that each runtime has some of them.
    let slow: Vec<_> = (0..16)
        .map(|n| {
            let client = Client::new(&gateway.url);
            tokio::spawn(async move { client.get("/api/store/v1/x", &format!("held-{n}")).await })
        })
        .collect();
    eventually(async || (0..16).all(|n| !world.auth.asked(&format!("held-{n}")).is_empty())).await;
    gateway.running.stop();
    eventually(async || TcpStream::connect(gateway.address()).await.is_err()).await;
    (0..16).for_each(|_| world.auth.let_go());
    for answer in slow {
        answer.await.unwrap().expect(200);
    }
}

#[test]
fn a_wrong_discovery_setting_is_named() {
    let error = discovery("store=http://a:1,warehouse=b:1").unwrap_err();
    assert!(error.contains("`warehouse=b:1`"), "{error}");
    let unknown = discovery("store=http://a:1,warehouse=http://b:1").unwrap();
    let error = unknown.check(&Policies::standard()).unwrap_err().to_string();
    assert!(error.contains("`warehouse`") && error.contains("inventory"), "{error}");
}
