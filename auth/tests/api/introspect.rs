//! `/auth/introspect`.

use contracts::seed;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::NOBODY;

use crate::started::{Auth, ISSUER, fault, secret, text};

#[tokio::test]
async fn a_resource_server_learns_what_stands_behind_a_token() {
    let auth = Auth::start().await;
    auth.change("reporting", |client| client.security.introspects_others = true).await;
    let tokens = auth.tokens("alice", "openid order:read").await;
    let form = [("token", text(&tokens, "access_token"))];
    let answer = auth.submit_as("reporting", "/auth/introspect", &form).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let it = answer.json();
    assert_eq!(
        (&it["active"], &it["scope"], &it["client_id"]),
        (&json!(true), &json!("openid order:read"), &json!("demo"))
    );
    assert_eq!((&it["sub"], &it["username"]), (&json!(seed::ALICE.to_string()), &json!("alice")));
    assert_eq!(it["iss"], ISSUER);
    assert_eq!(it["exp"].as_i64().unwrap() - it["iat"].as_i64().unwrap(), 900);
    auth.end().await;
}

#[tokio::test]
async fn of_the_token_of_another_client_it_says_nothing() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid order:read").await;
    let own = auth.client_credentials("reporting", &[]).await.expect(200).json();
    for (tokens, active) in [(tokens, false), (own, true)] {
        let form = [("token", text(&tokens, "access_token"))];
        let told = auth.submit_as("reporting", "/auth/introspect", &form).await.expect(200).json();
        assert_eq!(told["active"], json!(active));
        assert!(active || told == json!({"active": false}), "{told}");
    }
    auth.end().await;
}

#[tokio::test]
async fn of_what_is_no_living_access_token_it_says_nothing() {
    let auth = Auth::start().await;
    auth.change("reporting", |client| client.security.introspects_others = true).await;
    let tokens = auth.tokens("alice", "openid order:read offline_access").await;
    for token in ["made-up", text(&tokens, "refresh_token"), text(&tokens, "id_token")] {
        let answer = auth.submit_as("reporting", "/auth/introspect", &[("token", token)]).await.expect(200);
        assert_eq!(answer.json(), json!({"active": false}), "{token}");
    }
    auth.clock.advance(time::Duration::minutes(15));
    let form = [("token", text(&tokens, "access_token"))];
    let expired = auth.submit_as("reporting", "/auth/introspect", &form).await.expect(200);
    assert_eq!(expired.json(), json!({"active": false}));
    auth.end().await;
}

#[tokio::test]
async fn a_public_client_cannot_introspect() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid").await;
    let form = [("client_id", "demo"), ("token", text(&tokens, "access_token"))];
    let answer = auth.submit("/auth/introspect", "", &form).await.expect(401);
    assert_eq!(fault(&answer), "invalid_client");
    auth.submit("/auth/introspect", "", &form[1..]).await.expect(401);
    assert_eq!(fault(&auth.submit_as("reporting", "/auth/introspect", &[]).await.expect(400)), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn who_accepts_a_jwt_gets_the_answer_signed_and_nested() {
    let auth = Auth::start().await;
    auth.change("reporting", |client| client.security.introspects_others = true).await;
    let tokens = auth.tokens("alice", "openid order:read").await;
    let secret = secret("reporting");
    let ask = async |token: &str, accept: &str| {
        let request = auth.client.request(Method::POST, "/auth/introspect", NOBODY);
        let request = request.basic_auth("reporting", Some(&secret)).header("accept", accept);
        auth.client.send(request.form(&[("token", token)])).await.expect(200)
    };
    for (token, active) in [(text(&tokens, "access_token"), true), ("made-up", false)] {
        let answer = ask(token, "application/token-introspection+jwt").await;
        assert_eq!(answer.header("content-type"), Some("application/token-introspection+jwt"));
        let header = decode_header(&answer.body).unwrap();
        assert_eq!(header.typ.as_deref(), Some("token-introspection+jwt"));
        let claims = signed_claims(&auth, &answer.body).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("reporting")));
        assert!(claims["iat"].is_i64() && claims.get("sub").is_none() && claims.get("exp").is_none(), "{claims}");
        assert_eq!(claims["token_introspection"]["active"], json!(active));
        assert_eq!(claims["token_introspection"].get("sub").is_some(), active);
        // It opens no door itself.
        assert!(!auth.is_alive(&answer.body).await);
    }
    for accept in ["*/*", "application/json", "application/jwt"] {
        assert_eq!(ask(text(&tokens, "access_token"), accept).await.json()["active"], true, "{accept}");
    }
    let both = ask(text(&tokens, "access_token"), "text/plain, Application/Token-Introspection+JWT;q=0.5").await;
    assert!(both.body.starts_with("eyJ"));
    auth.end().await;
}

async fn signed_claims(auth: &Auth, jwt: &str) -> Value {
    let keys: JwkSet = auth.client.get("/auth/jwks", NOBODY).await.expect(200).read();
    let key = keys.find(&decode_header(jwt).unwrap().kid.unwrap()).expect("the key is published");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["reporting"]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    validation.validate_exp = false;
    decode::<Value>(jwt, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}
