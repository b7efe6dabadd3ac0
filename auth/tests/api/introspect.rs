//! `/auth/introspect`.

use contracts::seed;
use serde_json::json;

use crate::started::{Auth, ISSUER, fault, text};

#[tokio::test]
async fn a_confidential_client_learns_what_stands_behind_a_token() {
    let auth = Auth::start().await;
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
async fn of_what_is_no_living_access_token_it_says_nothing() {
    let auth = Auth::start().await;
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
