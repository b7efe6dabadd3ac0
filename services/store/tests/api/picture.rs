//! `/v1/products/{sku}/picture`.

use reqwest::Method;
use store::config::Seed;

use crate::started::Store;

#[tokio::test]
async fn a_picture_is_a_drawing_that_may_do_nothing_but_look() {
    let store = Store::start_with(Some(Seed::Demo)).await;
    let picture = store.get("/v1/products/MUG-BLUE/picture").await.expect(200);
    assert!(picture.body.contains("<title>A blue mug</title>"), "{}", picture.body);
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    let policy = picture.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    let tag = picture.header("etag").unwrap();
    store.with_header(Method::GET, "/v1/products/MUG-BLUE/picture", ("if-none-match", tag), None).await.expect(304);
    store.end().await;
}

#[tokio::test]
async fn a_product_that_nobody_has_drawn_is_shown_as_a_parcel() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let picture = store.get("/v1/products/MUG-BLUE/picture").await.expect(200);
    assert!(picture.body.contains("A parcel labelled MUG-BLUE"), "{}", picture.body);
    store.end().await;
}
