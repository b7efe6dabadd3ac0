//! `/auth/userinfo`.

use contracts::seed;
use reqwest::Method;
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

#[tokio::test]
async fn address_and_phone_have_scopes_of_their_own() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid address phone").await;
    let told = auth.client.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200).json();
    assert_eq!((&told["phone_number"], &told["phone_number_verified"]), (&json!("+49 40 555 0100"), &json!(false)));
    assert_eq!(told["address"]["formatted"], "Musterstraße 1\n20095 Hamburg\nDE");
    assert!(told.get("name").is_none() && told.get("email").is_none(), "{told}");
    for (scope, told, untold) in [("address", "address", "phone_number"), ("phone", "phone_number", "address")] {
        let tokens = auth.tokens("alice", &format!("openid {scope}")).await;
        let it = auth.client.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200).json();
        assert!(it.get(told).is_some() && it.get(untold).is_none(), "{scope}: {it}");
    }
    let tokens = auth.tokens("alice", "openid profile email").await;
    let told = auth.client.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200).json();
    assert_eq!((&told["given_name"], &told["family_name"]), (&json!("Alice"), &json!("Ashdown")));
    assert!(told["email_verified"].is_boolean() && told["updated_at"].is_i64(), "{told}");
    assert!(told.get("address").is_none() && told.get("phone_number").is_none(), "{told}");
    auth.end().await;
}

#[tokio::test]
async fn the_token_may_come_in_a_form_but_not_twice_and_never_in_the_address() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid").await;
    let token = text(&tokens, "access_token");
    let told = auth.submit("/auth/userinfo", "", &[("access_token", token)]).await.expect(200).json();
    assert_eq!(told["sub"], seed::ALICE.to_string());
    auth.submit("/auth/userinfo", "", &[("access_token", "made-up")]).await.expect(401);
    auth.submit("/auth/userinfo", "", &[]).await.expect(401);

    let twice = auth.client.request(Method::POST, "/auth/userinfo", token).form(&[("access_token", token)]);
    let twice = auth.client.send(twice).await.expect(400);
    assert_eq!(twice.header("www-authenticate"), Some("Bearer error=\"invalid_request\""));
    for bearer in [NOBODY, token] {
        let path = format!("/auth/userinfo?access_token={token}");
        assert_eq!(auth.client.get(&path, bearer).await.expect(400).code(), "invalid_request");
    }
    auth.end().await;
}
