//! `/auth/userinfo`.

use contracts::seed;
use serde_json::json;
use testkit::NOBODY;

use crate::started::{Auth, text};

#[tokio::test]
async fn it_tells_of_the_user_what_the_scopes_allow() {
    let auth = Auth::start().await;
    let little = auth.tokens("alice", "openid").await;
    let told = auth.client.get("/auth/userinfo", text(&little, "access_token")).await.expect(200).json();
    assert_eq!(told, json!({"sub": seed::ALICE.to_string()}));
    let much = auth.tokens("alice", "openid profile email").await;
    let told = auth.client.post("/auth/userinfo", text(&much, "access_token"), &json!({})).await.expect(200).json();
    assert_eq!((&told["preferred_username"], &told["email"]), (&json!("alice"), &json!("alice@example.com")));
    auth.end().await;
}

#[tokio::test]
async fn without_a_token_for_it_it_tells_nothing() {
    let auth = Auth::start().await;
    let none = auth.client.get("/auth/userinfo", NOBODY).await.expect(401);
    assert_eq!((none.code().as_str(), none.header("www-authenticate")), ("token_required", Some("Bearer")));
    let wrong = auth.client.get("/auth/userinfo", "rat_made-up").await.expect(401);
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let no_openid = auth.tokens("alice", "order:read").await;
    let answer = auth.client.get("/auth/userinfo", text(&no_openid, "access_token")).await.expect(403);
    assert_eq!(answer.code(), "insufficient_scope");
    let machine = auth.client_credentials("order", &[]).await.expect(200).json();
    auth.client.get("/auth/userinfo", text(&machine, "access_token")).await.expect(403);
    auth.end().await;
}
