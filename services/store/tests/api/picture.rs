//! `/v1/products/{sku}/picture`.

use reqwest::{Method, header::CONTENT_TYPE};
use store::config::Seed;
use testkit::Answer;

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

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\xc3\x28";
const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 \xff\xfe";
const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
const PLACE: &str = "/v1/products/MUG-BLUE/picture";

async fn upload(store: &Store, path: &str, kind: &str, bytes: &[u8]) -> Answer {
    let request = store.client.request(Method::PUT, path, &store.sam()).header(CONTENT_TYPE, kind).body(bytes.to_vec());
    store.client.send(request).await
}

#[tokio::test]
async fn staff_give_a_product_a_picture_of_any_kind_and_everybody_gets_just_that() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    let mut tags = Vec::new();
    for (kind, bytes) in [("image/png", PNG), ("image/jpeg", JPEG), ("image/webp", WEBP), ("image/svg+xml", SVG)] {
        upload(&store, PLACE, kind, bytes).await.expect(204);
        let url = format!("{}{PLACE}", store.address);
        let seen = reqwest::Client::new().get(url).bearer_auth(store.alice()).send().await.unwrap();
        let headers = seen.headers().clone();
        assert_eq!(headers["content-type"], kind);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        // Neither scripts nor anything else, and an origin of its own: a drawing that is opened cannot act.
        assert_eq!(headers["content-security-policy"], "default-src 'none'; style-src 'unsafe-inline'; sandbox");
        tags.push(headers["etag"].to_str().unwrap().to_owned());
        assert_eq!(seen.bytes().await.unwrap(), bytes);
    }
    tags.dedup();
    assert_eq!(tags.len(), 4, "{tags:?}");
    store.end().await;
}

#[tokio::test]
async fn a_picture_is_refused_when_it_is_not_what_it_says_or_of_no_known_kind_or_too_large() {
    let store = Store::start().await;
    store.sell("MUG-BLUE", 1490).await;
    for (kind, bytes) in [
        ("image/png", JPEG),
        ("image/jpeg", b""),
        ("image/webp", PNG),
        ("image/svg+xml", b"<html><svg/></html>"),
        ("image/svg+xml", b"<!DOCTYPE svg [<!ENTITY a 'a'>]><svg>&a;</svg>"),
        ("image/svg+xml", b"<svg>\xff</svg>"),
        ("image/svg+xml", b"<svg>\0</svg>"),
    ] {
        let refused = upload(&store, PLACE, kind, bytes).await.expect(422);
        assert_eq!((refused.code().as_str(), &refused.json()["media_type"]), ("not_a_picture", &kind.into()));
    }
    for kind in ["text/html", "application/json", "image/gif", ""] {
        let refused = upload(&store, PLACE, kind, SVG).await.expect(415);
        assert_eq!(refused.code(), "unsupported_media_type", "{kind}");
    }
    let mut large = PNG.to_vec();
    large.resize(256 * 1024 + 1, 0);
    assert_eq!(upload(&store, PLACE, "image/png", &large).await.expect(413).code(), "body_too_large");
    large.pop();
    upload(&store, PLACE, "image/png", &large).await.expect(204);
    let nothing = upload(&store, "/v1/products/NO-SUCH/picture", "image/png", PNG).await.expect(404);
    assert_eq!(nothing.code(), "product_not_found");
    store.end().await;
}
