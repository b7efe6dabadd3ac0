//! What the gateway joins of the real services fits its contracts, and operators see who took part.

use e2e::Purchase;
use testkit::Contract;

use crate::setting::{shared_suite, shopper};

fn contract(api: &str) -> Contract {
    Contract::load(format!("{}/../gateway/contracts/{api}.json", env!("CARGO_MANIFEST_DIR")))
}

#[tokio::test]
async fn a_page_has_all_its_parts_and_a_product_that_is_not_there_has_none() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let page = alice.get("/api/shop/v1/products/MUG-BLUE/page").await.unwrap().expect(200).unwrap().body;
    contract("shop").check_response("GET", "/v1/products/MUG-BLUE/page", 200, &page);
    assert_eq!((&page["product"]["sku"], page["missing"].as_array().map(Vec::len)), (&"MUG-BLUE".into(), Some(0)));
    assert!(page["stock"]["available"].is_i64() && page["shipping"][0]["price"]["amount"].is_i64(), "{page:#}");
    let nowhere = alice.get("/api/shop/v1/products/MUG-BLUE/page?country=AQ").await.unwrap().expect(200).unwrap().body;
    assert_eq!(nowhere["missing"][0]["reason"], "unserviceable_address", "{nowhere:#}");
    let refused = alice.get("/api/shop/v1/products/NO-SUCH/page").await.unwrap().expect(404).unwrap().body;
    assert_eq!((&refused["code"], &refused["part"]), (&"product_not_found".into(), &"product".into()));
}

#[tokio::test]
async fn a_small_screen_browses_and_sees_its_own_orders() {
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let bought = carol.buy(&Purchase::default()).await.unwrap();
    for (path, has) in [
        ("/v1/products?limit=3&q=mug", "MUG-BLUE"),
        ("/v1/products/MUG-BLUE", "MUG-BLUE"),
        ("/v1/orders", bought["id"].as_str().unwrap()),
    ] {
        let answer = carol.get(&format!("/api/mobile{path}")).await.unwrap().expect(200).unwrap().body;
        contract("mobile").check_response("GET", path, 200, &answer);
        assert!(answer.to_string().contains(has), "{path}: {answer:#}");
    }
}

#[tokio::test]
async fn operators_see_that_every_service_is_well_and_customers_do_not() {
    let suite = shared_suite().await;
    let olga = shopper(suite, "olga").await;
    let status = olga.get("/status").await.unwrap().expect(200).unwrap().body;
    for name in ["auth", "store", "inventory", "accounting", "shipping", "order"] {
        let services = status["services"].as_array().unwrap();
        let service = services.iter().find(|it| it["name"] == name);
        let service = service.unwrap_or_else(|| panic!("no {name} in {status:#}"));
        assert_eq!(service["instances"].as_array().map(Vec::len), Some(1), "{service:#}");
    }
    shopper(suite, "alice").await.get("/status").await.unwrap().expect(403).unwrap();
}
