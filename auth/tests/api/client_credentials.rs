//! `/auth/token` with `client_credentials`, and how clients say who they are.

use crate::started::{Auth, fault, secret, text};

#[tokio::test]
async fn the_order_service_gets_its_commands_what_it_reconciles_with_and_nothing_else() {
    let auth = Auth::start().await;
    let everything = auth.client_credentials("order", &[]).await.expect(200).json();
    let all = "accounting:pay accounting:read inventory:read inventory:reserve shipping:book shipping:read store:checkout store:read";
    assert_eq!(everything["scope"], all);
    assert!(everything.get("refresh_token").is_none() && everything.get("id_token").is_none());
    let some = auth.client_credentials("order", &[("scope", "accounting:pay order:read")]).await.expect(200).json();
    assert_eq!(some["scope"], "accounting:pay");
    let none = auth.client_credentials("order", &[("scope", "order:read")]).await.expect(400);
    assert_eq!(fault(&none), "invalid_scope");
    auth.end().await;
}

#[tokio::test]
async fn the_secret_may_come_in_the_form_but_not_twice() {
    let auth = Auth::start().await;
    let secret = secret("reporting");
    let form = [("grant_type", "client_credentials"), ("client_id", "reporting"), ("client_secret", secret.as_str())];
    let token = auth.token(&form).await.expect(200).json();
    assert!(text(&token, "scope").split(' ').all(|scope| scope.ends_with(":read")));
    let twice = auth.submit_as("reporting", "/auth/token", &form).await.expect(400);
    assert_eq!(fault(&twice), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn a_client_with_a_wrong_secret_is_told_the_same_as_an_unknown_one() {
    let auth = Auth::start().await;
    let attempts: [&[(&str, &str)]; 6] = [
        &[("client_id", "order"), ("client_secret", "wrong")],
        &[("client_id", "order")],
        &[("client_id", "nobody"), ("client_secret", "wrong")],
        &[("client_id", "nobody")],
        &[("client_id", "demo"), ("client_secret", "wrong")],
        &[],
    ];
    let mut bodies = Vec::new();
    for credentials in attempts {
        let form = [&[("grant_type", "client_credentials")], credentials].concat();
        let answer = auth.token(&form).await.expect(401);
        assert_eq!(fault(&answer), "invalid_client", "{credentials:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"), "{credentials:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    auth.end().await;
}

#[tokio::test]
async fn a_client_uses_only_the_grants_it_was_given() {
    let auth = Auth::start().await;
    let public = auth.token(&[("grant_type", "client_credentials"), ("client_id", "demo")]).await.expect(400);
    assert_eq!(fault(&public), "unauthorized_client");
    assert_eq!(fault(&auth.client_credentials("gateway", &[]).await.expect(400)), "unauthorized_client");
    let unknown = auth.submit_as("order", "/auth/token", &[("grant_type", "password")]).await.expect(400);
    assert_eq!(fault(&unknown), "unsupported_grant_type");
    assert_eq!(fault(&auth.submit_as("order", "/auth/token", &[]).await.expect(400)), "invalid_request");
    auth.end().await;
}
