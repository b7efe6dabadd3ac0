//! `/auth/token` with `authorization_code`.

use contracts::seed;
use futures::future::join_all;
use serde_json::json;

use crate::started::{Auth, CALLBACK, ISSUER, VERIFIER, authorize, fault, parameter, text};

#[tokio::test]
async fn a_code_is_redeemed_for_tokens_that_say_who_logged_in() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let scope = ("scope", "openid profile email order:read offline_access");
    let answer = auth.get(&authorize(&[scope, ("nonce", "n-1")]), &cookie).await.expect(303);
    let answer = auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert!(text(&tokens, "access_token").starts_with("rat_") && text(&tokens, "refresh_token").starts_with("rrt_"));
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(tokens["scope"], "email offline_access openid order:read profile");

    let (typ, claims) = auth.verify(text(&tokens, "id_token"), "demo").await;
    assert_eq!(typ, "JWT");
    assert_eq!(claims["sub"], seed::ALICE.to_string());
    assert_eq!((&claims["nonce"], &claims["amr"]), (&json!("n-1"), &json!(["pwd"])));
    assert!(claims["at_hash"].is_string() && claims["auth_time"].is_i64() && claims["sid"].is_string(), "{claims}");
    assert_eq!(claims["acr"], format!("{ISSUER}/acr/password"));
    // What scopes allow is told at the userinfo endpoint; ID tokens travel in addresses.
    assert!(claims.get("email").is_none() && claims.get("name").is_none(), "{claims}");
    auth.end().await;
}

#[tokio::test]
async fn without_openid_and_offline_access_there_is_only_an_access_token() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "order:read").await;
    assert!(tokens.get("id_token").is_none() && tokens.get("refresh_token").is_none(), "{tokens}");
    auth.end().await;
}

#[tokio::test]
async fn a_code_is_bound_to_its_verifier_address_and_client() {
    let auth = Auth::start().await;
    let code = auth.code("alice", "openid").await;
    let wrong_verifier = "x".repeat(43);
    let other_port = "http://127.0.0.1:49153/callback";
    for answer in
        [auth.redeem_with(&code, CALLBACK, &wrong_verifier).await, auth.redeem_with(&code, other_port, VERIFIER).await]
    {
        assert_eq!((answer.status.as_u16(), fault(&answer).as_str()), (400, "invalid_grant"));
    }
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "swagger"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(fault(&auth.token(&form).await.expect(400)), "invalid_grant");
    for (verifier, redirect_uri) in [("", CALLBACK), ("short", CALLBACK), (VERIFIER, "")] {
        let answer = auth.redeem_with(&code, redirect_uri, verifier).await.expect(400);
        assert_eq!(fault(&answer), "invalid_request", "{verifier:?}");
    }
    // None of these attempts has spent the code.
    auth.redeem(&code).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let auth = Auth::start().await;
    let code = auth.code("alice", "openid").await;
    auth.clock.advance(time::Duration::seconds(60));
    assert_eq!(fault(&auth.redeem(&code).await.expect(400)), "invalid_grant");
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_redemptions_at_once_exactly_one_wins_and_nothing_stays_alive() {
    let auth = Auth::start().await;
    for _ in 0..3 {
        let code = auth.code("alice", "openid order:read offline_access").await;
        let answers = join_all((0..30).map(|_| auth.redeem(&code))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| fault(answer) == "invalid_grant"));
        let tokens = won[0].json();
        assert!(!auth.is_alive(text(&tokens, "access_token")).await);
        auth.refresh(text(&tokens, "refresh_token")).await.expect(400);
    }
    auth.end().await;
}

#[tokio::test]
async fn using_a_code_again_revokes_what_it_was_redeemed_for() {
    let auth = Auth::start().await;
    let code = auth.code("alice", "openid order:read offline_access").await;
    let tokens = auth.redeem(&code).await.expect(200).json();
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    // Even a thief without the verifier shows that the code has leaked.
    let again = auth.redeem_with(&code, CALLBACK, &"x".repeat(43)).await.expect(400);
    assert_eq!(fault(&again), "invalid_grant");
    assert!(!auth.is_alive(text(&tokens, "access_token")).await);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(400);
    assert_eq!(auth.announced().await.len(), 1);
    auth.end().await;
}
