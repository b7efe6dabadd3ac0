//! `/auth/revoke`, and what is announced.

use std::{pin::pin, time::Duration};

use auth::domain::Hash;
use contracts::auth::TokensRevoked;
use futures::StreamExt;
use messaging::Heard;
use tokio::time::timeout;

use crate::started::{Auth, fault, text};

const SCOPE: &str = "openid order:read offline_access";

#[tokio::test]
async fn a_revoked_access_token_dies_alone() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", SCOPE).await;
    let token = text(&tokens, "access_token");
    auth.submit("/auth/revoke", "", &[("client_id", "demo"), ("token", token)]).await.expect(200);
    assert!(!auth.is_alive(token).await);
    assert_eq!(auth.announced().await, [hash(token)]);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn a_revoked_refresh_token_takes_everything_of_its_grant_along() {
    let auth = Auth::start().await;
    let first = auth.tokens("alice", SCOPE).await;
    let second = auth.refresh(text(&first, "refresh_token")).await.expect(200).json();
    let another_login = auth.tokens("alice", SCOPE).await;
    let form = [("client_id", "demo"), ("token", text(&second, "refresh_token"))];
    auth.submit("/auth/revoke", "", &form).await.expect(200);
    for tokens in [&first, &second] {
        assert!(!auth.is_alive(text(tokens, "access_token")).await);
    }
    auth.refresh(text(&second, "refresh_token")).await.expect(400);
    assert!(auth.is_alive(text(&another_login, "access_token")).await, "another grant is not touched");
    let mut announced = auth.announced().await;
    let mut wanted = [hash(text(&first, "access_token")), hash(text(&second, "access_token"))];
    announced.sort();
    wanted.sort();
    assert_eq!(announced, wanted);
    auth.end().await;
}

#[tokio::test]
async fn the_announcement_reaches_who_listens() {
    let auth = Auth::start().await;
    let heard = messaging::broadcast::<TokensRevoked>("test", &auth.nats.url()).await.unwrap();
    let mut heard = pin!(heard);
    assert!(matches!(heard.next().await, Some(Heard::Listening)));
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    let token = text(&token, "access_token");
    auth.submit_as("order", "/auth/revoke", &[("token", token)]).await.expect(200);
    let next = timeout(Duration::from_secs(10), heard.next()).await.expect("an event within ten seconds");
    let Some(Heard::Event(event)) = next else { panic!("no event, but {next:?}") };
    assert_eq!(event.token_hashes, [hash(token)]);
    // Acknowledged by JetStream, or the outbox would still hold it.
    auth.end().await;
}

#[tokio::test]
async fn unknown_and_dead_tokens_are_revoked_without_a_word() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    let form = [("token", text(&token, "access_token"))];
    for _ in 0..2 {
        auth.submit_as("order", "/auth/revoke", &form).await.expect(200);
    }
    auth.submit_as("order", "/auth/revoke", &[("token", "made-up"), ("token_type_hint", "x")]).await.expect(200);
    assert_eq!(auth.announced().await.len(), 1);
    auth.end().await;
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_only() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", SCOPE).await;
    for name in ["access_token", "refresh_token"] {
        let answer = auth.submit_as("reporting", "/auth/revoke", &[("token", text(&tokens, name))]).await.expect(400);
        assert_eq!(fault(&answer), "unauthorized_client");
    }
    let no_client = auth.submit("/auth/revoke", "", &[("token", text(&tokens, "access_token"))]).await;
    no_client.expect(401);
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.end().await;
}

fn hash(token: &str) -> String {
    hex::encode(Hash::of(token).as_bytes())
}
