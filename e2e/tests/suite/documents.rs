//! The contracts as a browser finds them.

use e2e::Shopper;
use serde_json::Value;

use crate::setting::shared_suite;

#[tokio::test]
async fn every_contract_is_served_behind_one_page() {
    let suite = shared_suite().await;
    let anybody = Shopper::with_token(suite.public_url(), "").unwrap();
    for service in ["auth", "store", "inventory", "accounting", "shipping", "order"] {
        let path = format!("/docs/contracts/{service}.json");
        let contract = anybody.get(&path).await.unwrap().expect(200).unwrap().body;
        assert_eq!(contract["openapi"], "3.1.0", "{service}");
        let operations = contract["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
        for (_, operation) in operations.filter(|(method, _)| *method != "parameters") {
            let responses = operation["responses"].as_object().unwrap().values();
            assert!(
                responses.len() > 0
                    && responses.into_iter().all(|it| it["description"].is_string() || it["$ref"].is_string())
            );
        }
        if service != "auth" {
            assert!(contract["components"]["securitySchemes"]["oauth2"].is_object(), "{service}");
        }
    }
    let page = anybody.get("/docs/").await.unwrap().expect(200).unwrap();
    assert!(matches!(page.body, Value::String(html) if html.contains("swagger-ui")));
}

#[tokio::test]
async fn what_is_for_operators_of_the_machine_is_not_routed() {
    let suite = shared_suite().await;
    let anybody = Shopper::with_token(suite.public_url(), "").unwrap();
    for path in ["/metrics", "/readyz", "/healthz", "/api/store/metrics", "/api/store/readyz", "/api/nothing/v1/x"] {
        let status = anybody.get(path).await.unwrap().status;
        assert!(status == 404 || status == 401, "{path}: {status}");
    }
}
