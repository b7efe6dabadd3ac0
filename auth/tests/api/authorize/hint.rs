//! `id_token_hint`: who must be logged in.

use serde_json::json;

use crate::started::{Auth, authorize, is_login, parameter, text};

async fn id_token(auth: &Auth, user: &str) -> String {
    text(&auth.tokens(user, "openid order:read").await, "id_token").to_owned()
}

#[tokio::test]
async fn the_user_of_the_hint_must_be_the_one_who_is_logged_in() {
    let auth = Auth::start().await;
    let (alices, bobs) = (id_token(&auth, "alice").await, id_token(&auth, "bob").await);
    let cookie = auth.log_in("alice").await;
    // Expired ones too: a hint grants nothing.
    auth.clock.advance(time::Duration::hours(1));
    let with = |hint: &str| authorize(&[("id_token_hint", hint), ("prompt", "none")]);
    assert!(parameter(&auth.get(&with(&alices), &cookie).await, "code").is_some());
    let other = auth.get(&with(&bobs), &cookie).await.expect(303);
    assert_eq!(parameter(&other, "error").as_deref(), Some("login_required"));
    auth.end().await;
}

#[tokio::test]
async fn who_logs_in_as_somebody_else_is_not_asked_for_ever() {
    let auth = Auth::start().await;
    let bobs = id_token(&auth, "bob").await;
    let cookie = auth.log_in("alice").await;
    let answer = auth.get(&authorize(&[("id_token_hint", &bobs)]), &cookie).await.expect(303);
    assert!(is_login(&answer), "{answer:?}");
    let login = answer.header("location").unwrap();
    let (answer, alice) = auth.fill_in(login, &cookie, "alice").await;
    let refused = auth.get(answer.header("location").unwrap(), &alice).await.expect(303);
    assert_eq!(parameter(&refused, "error").as_deref(), Some("login_required"));
    let (answer, bob) = auth.fill_in(login, "", "bob").await;
    assert!(parameter(&auth.get(answer.header("location").unwrap(), &bob).await, "code").is_some());
    auth.end().await;
}

#[tokio::test]
async fn what_is_no_id_token_of_this_client_is_no_hint() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid order:read").await;
    let id_token = text(&tokens, "id_token");
    let (signed, _) = id_token.rsplit_once('.').unwrap();
    let jwt = auth.exchange(text(&tokens, "access_token"), "order").await.expect(200).json();
    let cookie = auth.log_in("alice").await;
    let unsigned = format!("{signed}.");
    let forged = format!("{signed}.{}", "A".repeat(86));
    for wrong in [unsigned.as_str(), &forged, text(&jwt, "access_token"), "x", "a.b.c"] {
        let answer = auth.get(&authorize(&[("id_token_hint", wrong)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
    let others = authorize(&[
        ("client_id", "swagger"),
        ("redirect_uri", "http://shop.test/docs/oauth2-redirect.html"),
        ("id_token_hint", id_token),
    ]);
    assert_eq!(parameter(&auth.get(&others, &cookie).await, "error").as_deref(), Some("invalid_request"));
    auth.end().await;
}

#[tokio::test]
async fn claims_may_name_the_user_as_well() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let wanting = |sub: String| {
        authorize(&[("prompt", "none"), ("claims", &json!({"id_token": {"sub": {"value": sub}}}).to_string())])
    };
    let alice = auth.get(&wanting(contracts::seed::ALICE.to_string()), &cookie).await;
    assert!(parameter(&alice, "code").is_some(), "{alice:?}");
    let bob = auth.get(&wanting(contracts::seed::BOB.to_string()), &cookie).await;
    assert_eq!(parameter(&bob, "error").as_deref(), Some("login_required"));
    auth.end().await;
}
