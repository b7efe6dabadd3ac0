//! Policies change while requests go on.

use std::fs;

use gateway::{
    cache::Limits,
    config::{Config, TlsSettings, discovery},
};

use testkit::{Client, Temporary, eventually};

use crate::{
    services::Instance,
    world::{PUBLIC_URL, SECRET, World},
};

const STANDARD: &str = include_str!("../../policies.toml");

struct Governed {
    client: Client,
    ops: Client,
    file: std::path::PathBuf,
    _directory: Temporary,
    _world: World,
}

async fn governed() -> Governed {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let directory = Temporary::new("policies").unwrap();
    let file = directory.path().join("policies.toml");
    fs::write(&file, STANDARD).unwrap();
    let config = Config {
        web: web::Settings::on_loopback(PUBLIC_URL, &world.auth.url, &world.nats.url()),
        discovery: discovery(&format!("store={}", store.address)).unwrap(),
        policies: Some(file.clone()),
        runtimes: Some(2),
        tls: TlsSettings::default(),
        gateway_client_secret: SECRET.to_owned().into(),
    };
    let policies = gateway::follow_policies(&config).await.unwrap();
    let (service, router) = gateway::start(&config, policies, Limits::default()).await.unwrap();
    let handle = service.handle().unwrap();
    tokio::spawn(service.serve(router));
    let (client, ops) = (Client::new(&handle.address), Client::new(&handle.ops));
    eventually(async || ops.get("/readyz", "").await.status.is_success()).await;
    Governed { client, ops, file, _directory: directory, _world: world }
}

#[tokio::test]
async fn a_changed_file_is_taken_over_while_requests_go_on() {
    let it = governed().await;
    it.client.get("/api/store/v1/x", "good-1").await.expect(200);
    fs::write(&it.file, STANDARD.replace("/api/store/", "/api/market/").replace("\"/api/store\"", "\"/api/market\""))
        .unwrap();
    let mut answered = 0;
    eventually(async || {
        // Whichever policies a request meets, it is answered by them.
        let (old, new) =
            (it.client.get("/api/store/v1/x", "good-1").await, it.client.get("/api/market/v1/x", "good-1").await);
        answered += 1;
        assert!([200, 404].contains(&old.status.as_u16()) && [200, 404].contains(&new.status.as_u16()));
        old.status == 404 && new.status == 200
    })
    .await;
    assert!(answered > 0);
}

#[tokio::test]
async fn a_file_that_is_bad_or_cannot_be_read_keeps_the_old_policies_and_is_counted() {
    let it = governed().await;
    for bad in [STANDARD.replace("timeout = 15", "timeout = 0").as_bytes(), b"# caf\xe9"] {
        let before = refused(&it.ops.get("/metrics", "").await.body);
        fs::write(&it.file, bad).unwrap();
        eventually(async || (refused(&it.ops.get("/metrics", "").await.body) > before).then_some(())).await;
        it.client.get("/api/store/v1/x", "good-1").await.expect(200);
    }
}

// Files so far, of all gateways in this process.
fn refused(metrics: &str) -> u64 {
    let name = "gateway_policy_reloads_total{outcome=\"refused\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_bad_file_stops_the_start() {
    let directory = Temporary::new("policies").unwrap();
    let file = directory.path().join("policies.toml");
    fs::write(&file, "routes = [\n  {},\n]").unwrap();
    let world = World::new().await;
    let config = Config {
        web: web::Settings::on_loopback(PUBLIC_URL, &world.auth.url, &world.nats.url()),
        discovery: discovery("registry").unwrap(),
        policies: Some(file),
        runtimes: Some(2),
        tls: TlsSettings::default(),
        gateway_client_secret: SECRET.to_owned().into(),
    };
    let error = format!("{:#}", gateway::follow_policies(&config).await.unwrap_err());
    assert!(error.contains("policies.toml: line 2: missing field `path`"), "{error}");
}
