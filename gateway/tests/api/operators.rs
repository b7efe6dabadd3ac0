//! The gateway's own pages for operators.

use gateway::cache::Limits;
use gateway::config::{Config, DiscoverySetting, TlsSettings};
use gateway::policies::Policies;
use testkit::{Client, NOBODY, Tokens, eventually};

use crate::revocation::announce;
use crate::services::Instance;
use crate::world::{SECRET, World};

const SERVICES: &str = "/api/registry/v1/services";

async fn gateway(world: &World, tokens: &Tokens) -> Client {
    world.auth.signs_as(tokens).await;
    let config = Config {
        web: web::Settings::on_loopback(tokens.public_url(), &world.auth.url, &world.nats.url()),
        discovery: DiscoverySetting::Registry,
        policies: None,
        gateway_client_secret: SECRET.to_owned().into(),
        runtimes: Some(2),
        tls: TlsSettings::default(),
    };
    let (service, front) = gateway::start(&config, Policies::standard().shared(), Limits::default()).await.unwrap();
    let running = service.handle().unwrap();
    tokio::spawn(service.serve(front));
    let ops = Client::new(&running.ops);
    eventually(async || ops.get("/readyz", "").await.status.is_success()).await;
    Client::new(&running.address)
}

#[tokio::test]
async fn operators_see_who_runs() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let store = Instance::echo("store").await;
    let _registered = world.register("store", &store).await;
    let gateway = gateway(&world, &tokens).await;
    world.auth.grants("olga", tokens.operator("gateway"));
    eventually(async || {
        let answer = gateway.get(SERVICES, "olga").await.expect(200).json();
        let services = answer["services"].as_array().unwrap().clone();
        services.iter().find(|it| it["name"] == "store").is_some_and(|it| {
            let running = &it["instances"][0];
            assert_eq!((&running["version"], &running["weight"]), (&"1".into(), &1.0.into()));
            assert!(running["instance"].is_string() && running["contract"].is_string());
            format!("http://{}", running["address"].as_str().unwrap()) == store.address
        })
    })
    .await;
}

#[tokio::test]
async fn nobody_else_does() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let gateway = gateway(&world, &tokens).await;
    world.auth.grants("sam", tokens.staff("gateway"));
    world.auth.grants("claims", tokens.user("gateway", contracts::seed::ALICE, &["staff"], "gateway:operate"));
    world.auth.grants("elsewhere", tokens.operator("store"));
    gateway.get(SERVICES, NOBODY).await.expect(401);
    assert_eq!(gateway.get(SERVICES, "sam").await.expect(403).code(), "insufficient_scope");
    assert_eq!(gateway.get(SERVICES, "claims").await.expect(403).code(), "insufficient_role");
    assert_eq!(gateway.get(SERVICES, "elsewhere").await.expect(401).code(), "invalid_token");
    assert_eq!(gateway.get(SERVICES, "bad-1").await.expect(401).code(), "invalid_token");
    // A JWT from outside, however good.
    assert_eq!(gateway.get(SERVICES, &tokens.operator("gateway")).await.expect(401).code(), "invalid_token");
}

#[tokio::test]
async fn a_revoked_token_does_not_open_them_any_more() {
    let (world, tokens) = (World::new().await, Tokens::serve().await);
    let gateway = gateway(&world, &tokens).await;
    world.auth.grants("olga", tokens.operator("gateway"));
    gateway.get(SERVICES, "olga").await.expect(200);
    world.auth.revoke("olga");
    announce(&world, &["olga"]).await;
    eventually(async || gateway.get(SERVICES, "olga").await.status == 401).await;
}
