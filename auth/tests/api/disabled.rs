//! Users and clients that operators shut out, and everything that hangs on them.

use std::collections::HashSet;

use auth::domain::Hash;
use contracts::seed;
use futures::future::join_all;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use testkit::NOBODY;

use crate::started::{Auth, authorize, fault, parameter, text};

const SCOPE: &str = "openid order:read offline_access";

#[tokio::test]
async fn shutting_a_user_out_ends_sessions_grants_and_tokens_and_announces_them() {
    let auth = Auth::start().await;
    let olga = operator(&auth).await;
    let cookie = auth.log_in("alice").await;
    let code = auth.code("alice", SCOPE).await;
    let families = [auth.tokens("alice", SCOPE).await, auth.tokens("alice", "openid order:read").await];
    let bob = auth.tokens("bob", SCOPE).await;
    auth.client.put(&user(), &olga, &Value::Null).await.expect(204);

    for tokens in &families {
        assert!(!auth.is_alive(text(tokens, "access_token")).await);
    }
    assert_eq!(fault(&auth.refresh(text(&families[0], "refresh_token")).await.expect(400)), "invalid_grant");
    assert_eq!(fault(&auth.redeem(&code).await.expect(400)), "invalid_grant");
    let login = auth.get(&authorize(&[]), &cookie).await.expect(303);
    assert!(login.header("location").unwrap().starts_with("/auth/login"));
    let announced: HashSet<_> = auth.announced().await.into_iter().collect();
    let wanted = families.iter().map(|tokens| hash(text(tokens, "access_token"))).collect();
    assert_eq!(announced, wanted);
    assert!(auth.is_alive(text(&bob, "access_token")).await, "nobody else is touched");

    assert_eq!(try_to_log_in(&auth, "alice").await, 403);
    auth.client.delete(&user(), &olga).await.expect(204);
    assert_eq!(try_to_log_in(&auth, "alice").await, 303);
    assert!(!auth.is_alive(text(&families[0], "access_token")).await, "what has ended stays so");
    auth.end().await;
}

#[tokio::test]
async fn shutting_a_client_out_ends_what_it_was_given_whether_public_or_confidential() {
    let auth = Auth::start().await;
    let olga = operator_of(&auth, "swagger").await;
    let tokens = auth.tokens("alice", SCOPE).await;
    let machine = auth.client_credentials("reporting", &[]).await.expect(200).json();
    for client in ["demo", "reporting"] {
        auth.client.put(&client_path(client), &olga, &Value::Null).await.expect(204);
    }
    for token in [&tokens, &machine] {
        assert!(!auth.is_alive(text(token, "access_token")).await);
    }
    assert_eq!(auth.announced().await.len(), 2);
    assert_eq!(fault(&auth.refresh(text(&tokens, "refresh_token")).await.expect(401)), "invalid_client");
    assert_eq!(fault(&auth.client_credentials("reporting", &[]).await.expect(401)), "invalid_client");
    auth.get(&authorize(&[]), "").await.expect(400);

    auth.client.delete(&client_path("demo"), &olga).await.expect(204);
    assert_eq!(fault(&auth.refresh(text(&tokens, "refresh_token")).await.expect(400)), "invalid_grant");
    auth.tokens("alice", SCOPE).await;
    let by = "select count(*) from security_event where kind like 'client%' and \"by\" is not null";
    assert_eq!(auth.number(by).await, 3);
    auth.end().await;
}

#[tokio::test]
async fn however_many_tokens_end_each_is_announced_and_no_announcement_is_too_large() {
    let auth = Auth::start().await;
    let olga = operator(&auth).await;
    let many = "insert into access_token (token_hash, client_id, scopes, issued_at, expires_at)
        select sha256(n::text::bytea), 'reporting', '{}', now(), now() + interval '1 hour' from generate_series(1, 2500) n";
    sqlx::query(AssertSqlSafe(many)).execute(&mut auth.database.connect().await).await.unwrap();
    auth.client.put(&client_path("reporting"), &olga, &Value::Null).await.expect(204);
    let announced: HashSet<_> = auth.announced().await.into_iter().collect();
    assert_eq!(announced.len(), 2500);
    let largest = "select max(jsonb_array_length(body #> '{data,token_hashes}'))::bigint from messaging.outbox
        where subject = 'auth.tokens.revoked.v1'";
    assert_eq!(auth.number(largest).await, 1000);
    auth.end().await;
}

#[tokio::test]
async fn nothing_slips_through_while_a_user_is_shut_out() {
    let auth = Auth::start().await;
    let (olga, alice) = (operator(&auth).await, user());
    for _ in 0..3 {
        let codes = join_all((0..6).map(|_| auth.code("alice", SCOPE))).await;
        let cookie = auth.log_in("alice").await;
        let redeem = join_all(codes.iter().map(|code| auth.redeem(code)));
        let ask = authorize(&[("scope", SCOPE)]);
        let grant = join_all((0..6).map(|_| auth.get(&ask, &cookie)));
        let (redeemed, granted, shut) = futures::join!(redeem, grant, auth.client.put(&alice, &olga, &Value::Null));
        shut.expect(204);
        for answer in redeemed.iter().filter(|answer| answer.status == 200) {
            assert!(!auth.is_alive(text(&answer.json(), "access_token")).await);
        }
        for code in granted.iter().filter_map(|answer| parameter(answer, "code")) {
            assert_eq!(fault(&auth.redeem(&code).await.expect(400)), "invalid_grant");
        }
        // Every token that was alive has been announced.
        let ended: HashSet<_> = auth.announced().await.into_iter().collect();
        let issued = redeemed.iter().filter(|answer| answer.status == 200);
        assert!(issued.map(|answer| hash(text(&answer.json(), "access_token"))).all(|hash| ended.contains(&hash)));
        auth.client.delete(&user(), &olga).await.expect(204);
        assert_eq!(
            auth.number(
                "select count(*) from login_session s join end_user u on u.id = s.user_id
            where username = 'alice'"
            )
            .await,
            0
        );
    }
    auth.end().await;
}

#[tokio::test]
async fn who_is_let_in_though_not_shut_out_loses_nothing() {
    let auth = Auth::start().await;
    let olga = operator(&auth).await;
    let tokens = auth.tokens("alice", SCOPE).await;
    for path in [user(), client_path("demo")] {
        auth.client.delete(&path, &olga).await.expect(204);
    }
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.client.put(&user(), &olga, &Value::Null).await.expect(204);
    auth.client.delete(&user(), &olga).await.expect(204);
    let tokens = auth.tokens("alice", SCOPE).await;
    // The gateway repeats what was not answered.
    auth.client.delete(&user(), &olga).await.expect(204);
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    assert_eq!(auth.number("select count(*) from security_event where kind like '%\\_enabled'").await, 1);
    auth.end().await;
}

#[tokio::test]
async fn only_operators_shut_out_and_nobody_who_is_not_there() {
    let auth = Auth::start().await;
    let sam = text(&auth.tokens("sam", "openid auth:operate").await, "access_token").to_owned();
    for path in [user(), client_path("demo")] {
        auth.client.put(&path, NOBODY, &Value::Null).await.expect(401);
        auth.client.put(&path, &sam, &Value::Null).await.expect(403);
        auth.client.delete(&path, &sam).await.expect(403);
    }
    let olga = operator(&auth).await;
    for path in [format!("/auth/v1/users/{}/disabled", uuid::Uuid::nil()), client_path("nobody")] {
        auth.client.put(&path, &olga, &Value::Null).await.expect(404);
        auth.client.delete(&path, &olga).await.expect(404);
    }
    auth.client.put("/auth/v1/users/alice/disabled", &olga, &Value::Null).await.expect(400);
    auth.end().await;
}

fn user() -> String {
    format!("/auth/v1/users/{}/disabled", seed::ALICE)
}

fn client_path(client_id: &str) -> String {
    format!("/auth/v1/clients/{client_id}/disabled")
}

fn hash(token: &str) -> String {
    hex::encode(Hash::of(token).as_bytes())
}

async fn operator(auth: &Auth) -> String {
    text(&auth.tokens("olga", "openid auth:operate").await, "access_token").to_owned()
}

/// The same through another client, which outlives `demo`.
async fn operator_of(auth: &Auth, client_id: &str) -> String {
    let redirect_uri = format!("{}/docs/oauth2-redirect.html", crate::started::PUBLIC_URL);
    let cookie = auth.log_in("olga").await;
    let changes = [("client_id", client_id), ("redirect_uri", &*redirect_uri), ("scope", "openid auth:operate")];
    let code = parameter(&auth.get(&authorize(&changes), &cookie).await.expect(303), "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", crate::started::VERIFIER),
    ];
    text(&auth.token(&form).await.expect(200).json(), "access_token").to_owned()
}

async fn try_to_log_in(auth: &Auth, user: &str) -> u16 {
    let (cookie, proof) = auth.form("/auth/login").await;
    let password = format!("{user}-demo-password");
    let form = [("csrf", proof.as_str()), ("username", user), ("password", &password)];
    auth.submit("/auth/login", &cookie, &form).await.status.as_u16()
}
