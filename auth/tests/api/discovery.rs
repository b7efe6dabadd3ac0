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
    // OpenID Connect Discovery 1.0, section 3: RS256 must be among them.
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
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
    for (key, [kty, alg]) in keys["keys"].as_array().unwrap().iter().zip([["EC", "ES256"], ["RSA", "RS256"]]) {
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!(kty), &json!(alg), &json!("sig")));
        let private = ["d", "p", "q", "dp", "dq", "qi"];
        assert!(private.iter().all(|name| key.get(name).is_none()) && key["kid"].is_string(), "{key}");
    }
    auth.end().await;
}
