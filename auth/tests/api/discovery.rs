//! `/auth/.well-known/…` and `/auth/jwks`.

use serde_json::json;
use testkit::NOBODY;

use crate::started::{Auth, ISSUER};

#[tokio::test]
async fn discovery_is_consistent() {
    let auth = Auth::start().await;
    let openid = auth.client.get("/auth/.well-known/openid-configuration", NOBODY).await.expect(200).json();
    let oauth = auth.client.get("/auth/.well-known/oauth-authorization-server", NOBODY).await.expect(200).json();
    assert_eq!(openid, oauth);
    // Where RFC 8414, section 3.1, has a client look that only knows the issuer.
    let of_issuer = auth.client.get("/.well-known/oauth-authorization-server/auth", NOBODY).await.expect(200).json();
    assert_eq!(openid, of_issuer);
    assert_eq!(openid["issuer"], ISSUER);
    assert_eq!(openid["code_challenge_methods_supported"], json!(["S256"]));
    for (name, value) in openid.as_object().unwrap() {
        let Some(path) = value.as_str().and_then(|url| url.strip_prefix("http://shop.test")) else { continue };
        if name == "issuer" {
            continue;
        }
        let found = auth.client.request(reqwest::Method::GET, path, NOBODY).send().await.unwrap();
        assert_ne!(found.status(), 404, "{name} leads to {path}, where there is nothing");
    }
    auth.end().await;
}

#[tokio::test]
async fn published_keys_are_public() {
    let auth = Auth::start().await;
    let keys = auth.client.get("/auth/jwks", NOBODY).await.expect(200).json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("EC"), &json!("ES256"), &json!("sig")));
    assert!(key.get("d").is_none() && key["kid"].is_string(), "{key}");
    auth.end().await;
}
