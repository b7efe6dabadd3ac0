//! One Swagger UI over all contracts.

use testkit::NOBODY;

use crate::services::Instance;
use crate::world::{PUBLIC_URL, World};

const PAGE: [&str; 6] = [
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
];

#[tokio::test]
async fn the_page_lists_every_contract_and_logs_in_with_pkce() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    assert_eq!(gateway.get("/docs", NOBODY).await.expect(308).header("location"), Some("/docs/"));
    let settings = gateway.get("/docs/swagger-initializer.js", NOBODY).await.expect(200).body;
    for service in ["shop", "mobile", "store", "inventory", "accounting", "shipping", "order", "auth", "gateway"] {
        assert!(settings.contains(&format!("\"/docs/contracts/{service}.json\"")), "{service} in {settings}");
    }
    for part in [
        "\"clientId\": \"swagger\"",
        "\"usePkceWithAuthorizationCodeGrant\": true",
        "\"oauth2RedirectUrl\": \"https://shop.example/docs/oauth2-redirect.html\"",
        "\"store:read\"",
    ] {
        assert!(settings.contains(part), "{part} in {settings}");
    }
    gateway.get("/docs/oauth2-redirect.html", NOBODY).await.expect(200);
    gateway.get("/docs/oauth2-redirect.js", NOBODY).await.expect(200);
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let index = gateway.get("/docs/", NOBODY).await.expect(200);
    assert_eq!(index.header("content-type"), Some("text/html"));
    for (at, _) in index.body.match_indices("src=\"").chain(index.body.match_indices("href=\"")) {
        let reference = index.body[at..].split('"').nth(1).unwrap().trim_start_matches("./");
        assert!(!reference.contains(':') && !reference.starts_with('/'), "{reference}");
        gateway.get(&format!("/docs/{reference}"), NOBODY).await.expect(200);
    }
    let settings = gateway.get("/docs/swagger-initializer.js", NOBODY).await.expect(200).body;
    assert!(settings.match_indices("https://").all(|(at, _)| settings[at..].starts_with(PUBLIC_URL)), "{settings}");
    for file in PAGE {
        let answer = gateway.get(&format!("/docs/{file}"), NOBODY).await.expect(200);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
}

#[tokio::test]
async fn a_contract_comes_from_its_service_with_a_login_that_works_from_anywhere() {
    let world = World::new().await;
    let store = Instance::echo("store").await;
    let gateway = world.gateway(&format!("store={}", store.address)).await;
    let contract = gateway.get("/docs/contracts/store.json", NOBODY).await.expect(200).json();
    assert_eq!(contract["info"]["title"], "store");
    let flow = &contract["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
    assert_eq!(flow["authorizationUrl"], "https://shop.example/auth/authorize");
    assert_eq!(flow["tokenUrl"], "https://shop.example/auth/token");

    // Also as the gateway speaks it.
    let shop = gateway.get("/docs/contracts/shop.json", NOBODY).await.expect(200).json();
    let page = &shop["paths"]["/v1/products/{sku}/page"]["get"];
    for format in ["application/json", "application/xml", "application/cbor"] {
        assert!(page["responses"]["200"]["content"].get(format).is_some(), "no {format} in {page:#}");
    }
    let parameters = page["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|it| it["name"] == "fields"), "{parameters:?}");

    let missing = gateway.get("/docs/contracts/order.json", NOBODY).await.expect(503);
    assert_eq!(missing.code(), "no_contract");
    assert_eq!(missing.json()["source"], "gateway");
}

#[tokio::test]
async fn the_front_page_says_where_everything_is() {
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let index = gateway.get("/", NOBODY).await.expect(200).json();
    assert_eq!(index["docs"], "https://shop.example/docs/");
    assert_eq!(index["openid_configuration"], "https://shop.example/auth/.well-known/openid-configuration");
    assert_eq!(index["services"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_gateways_own_contract_is_the_committed_one_and_among_the_others() {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    assert_eq!(web::contract::render(&gateway::contract()), std::fs::read_to_string(committed).unwrap());
    let world = World::new().await;
    let gateway = world.gateway("store=http://127.0.0.1:9").await;
    let contract = gateway.get("/docs/contracts/gateway.json", NOBODY).await.expect(200).json();
    assert_eq!(contract["paths"]["/api/registry/v1/services"]["get"]["operationId"], "list_services");
}
