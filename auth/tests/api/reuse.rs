//! Codes and refresh tokens that are used again by a client that has shown its secret: it is no proof that nobody has
//! copied them.

use auth::domain::{AuthenticationMethod, Hash};
use futures::future::join_all;
use serde_json::Value;
use testkit::Answer;

use crate::started::{Auth, CALLBACK, VERIFIER, fault, secret, text};

const SCOPE: &str = "openid order:read offline_access";

/// A service whose client `demo` keeps a secret.
async fn start() -> Auth {
    let auth = Auth::start().await;
    auth.change("demo", |client| {
        client.secret_hash = Some(Hash::of(&secret("demo")));
        client.security.method = Some(AuthenticationMethod::SecretBasic);
    })
    .await;
    auth
}

async fn redeem(auth: &Auth, code: &str) -> Answer {
    let form =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    auth.submit_as("demo", "/auth/token", &form).await
}

async fn refresh(auth: &Auth, tokens: &Value) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(tokens, "refresh_token"))];
    auth.submit_as("demo", "/auth/token", &form).await
}

async fn is_dead(auth: &Auth, tokens: &Value) -> bool {
    let refused = refresh(auth, tokens).await;
    !auth.is_alive(text(tokens, "access_token")).await && refused.status == 400
}

#[tokio::test]
async fn a_code_that_a_confidential_client_uses_again_ends_all_that_came_of_it() {
    let auth = start().await;
    let code = auth.code("alice", SCOPE).await;
    let first = redeem(&auth, &code).await.expect(200).json();
    let second = refresh(&auth, &first).await.expect(200).json();
    assert_eq!(fault(&redeem(&auth, &code).await.expect(400)), "invalid_grant");
    assert!(is_dead(&auth, &first).await && is_dead(&auth, &second).await);
    assert_eq!(auth.number("select count(*) from security_event where kind = 'reuse'").await, 1);
    assert_eq!(auth.announced().await.len(), 2);
    auth.end().await;
}

#[tokio::test]
async fn a_refresh_token_that_a_confidential_client_uses_again_ends_the_whole_family() {
    let auth = start().await;
    let first = redeem(&auth, &auth.code("alice", SCOPE).await).await.expect(200).json();
    let another = redeem(&auth, &auth.code("alice", SCOPE).await).await.expect(200).json();
    let second = refresh(&auth, &first).await.expect(200).json();
    assert_ne!(first["refresh_token"], second["refresh_token"], "it is rotated for who has a secret too");
    let third = refresh(&auth, &second).await.expect(200).json();
    assert_eq!(fault(&refresh(&auth, &first).await.expect(400)), "invalid_grant");
    for tokens in [&first, &second, &third] {
        assert!(is_dead(&auth, tokens).await);
    }
    assert_eq!(auth.number("select count(*) from security_event where kind = 'reuse'").await, 1);
    assert_eq!(auth.announced().await.len(), 3);
    refresh(&auth, &another).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_uses_at_once_by_a_confidential_client_exactly_one_wins_and_nothing_stays_alive() {
    let auth = start().await;
    let code = auth.code("alice", SCOPE).await;
    let answers = join_all((0..30).map(|_| redeem(&auth, &code))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(is_dead(&auth, &won[0].json()).await);
    let tokens = redeem(&auth, &auth.code("alice", SCOPE).await).await.expect(200).json();
    let answers = join_all((0..30).map(|_| refresh(&auth, &tokens))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(is_dead(&auth, &won[0].json()).await);
    auth.end().await;
}
