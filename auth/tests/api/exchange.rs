//! `/auth/token` with token exchange: what the gateway does with every request.

use contracts::seed;
use serde_json::json;
use time::Duration;

use crate::started::{ACCESS_TOKEN, Auth, EXCHANGE, fault, text};

#[tokio::test]
async fn the_exchanged_token_is_for_that_service_with_its_scopes_and_for_nothing_else() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("sam", "openid inventory:read inventory:write order:read").await;
    let answer = auth.exchange(text(&tokens, "access_token"), "inventory").await.expect(200).json();
    assert_eq!(answer["issued_token_type"], "urn:ietf:params:oauth:token-type:jwt");
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(60)));

    let (typ, claims) = auth.verify(text(&answer, "access_token"), "inventory").await;
    assert_eq!(typ, "at+jwt");
    assert_eq!(claims["aud"], "inventory");
    assert_eq!(claims["scope"], "inventory:read inventory:write");
    assert_eq!(
        (&claims["client_id"], &claims["roles"], &claims["plan"]),
        (&json!("demo"), &json!(["staff"]), &json!("free"))
    );
    assert_eq!(claims["sub"], seed::USERS[3].id.to_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert!(claims["nbf"] == claims["iat"] && claims["jti"].is_string(), "{claims}");

    let other = auth.exchange(text(&tokens, "access_token"), "shipping").await.expect(200).json();
    let (_, other) = auth.verify(text(&other, "access_token"), "shipping").await;
    assert_eq!(other["scope"], "", "a service of which nothing was granted says no itself");
    assert_ne!(other["jti"], claims["jti"]);
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_acts_for_itself_has_a_subject_that_no_user_has() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[("scope", "accounting:pay")]).await.expect(200).json();
    let answer = auth.exchange(text(&token, "access_token"), "accounting").await.expect(200).json();
    let (_, claims) = auth.verify(text(&answer, "access_token"), "accounting").await;
    assert_eq!((&claims["sub"], &claims["roles"]), (&json!("client:order"), &json!([])));
    assert_eq!((&claims["scope"], &claims["plan"]), (&json!("accounting:pay"), &json!("internal")));
    auth.end().await;
}

#[tokio::test]
async fn an_exchanged_token_never_outlives_the_access_token() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    let token = text(&token, "access_token");
    auth.clock.advance(Duration::minutes(15) - Duration::seconds(10));
    let late = auth.exchange(token, "inventory").await.expect(200).json();
    assert!(late["expires_in"].as_i64().unwrap() <= 10, "{late}");
    auth.clock.advance(Duration::seconds(10));
    assert_eq!(fault(&auth.exchange(token, "inventory").await.expect(400)), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn only_the_gateway_exchanges() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", text(&token, "access_token")),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", "inventory"),
    ];
    for client in ["order", "reporting"] {
        let answer = auth.submit_as(client, "/auth/token", &form).await.expect(400);
        assert_eq!(fault(&answer), "unauthorized_client", "{client}");
    }
    for public in ["demo", "swagger"] {
        let answer = auth.token(&[&form[..], &[("client_id", public)]].concat()).await.expect(400);
        assert_eq!(fault(&answer), "unauthorized_client", "{public}");
    }
    auth.token(&[&form[..], &[("client_id", "gateway")]].concat()).await.expect(401);
    auth.end().await;
}

#[tokio::test]
async fn what_is_no_living_access_token_is_not_exchanged() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", "openid order:read offline_access").await;
    let jwt = auth.exchange(text(&tokens, "access_token"), "order").await.expect(200).json();
    let refresh_token = text(&tokens, "refresh_token");
    let wrong = ["rat_unknown", refresh_token, text(&tokens, "id_token"), text(&jwt, "access_token"), "", "ä"];
    for token in wrong {
        assert_eq!(fault(&auth.exchange(token, "order").await.expect(400)), "invalid_request", "{token}");
    }
    let form = [("client_id", "demo"), ("token", refresh_token)];
    auth.submit("/auth/revoke", "", &form).await.expect(200);
    let revoked = auth.exchange(text(&tokens, "access_token"), "order").await.expect(400);
    assert_eq!(fault(&revoked), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn a_request_that_asks_for_something_else_is_refused() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    let token = text(&token, "access_token");
    for audience in ["auth", "storefront", "Inventory", "inventory order"] {
        assert_eq!(fault(&auth.exchange(token, audience).await.expect(400)), "invalid_target", "{audience}");
    }
    let base = [("grant_type", EXCHANGE), ("subject_token", token), ("audience", "inventory")];
    let typed = ("subject_token_type", ACCESS_TOKEN);
    let others: [&[(&str, &str)]; 4] = [
        &[],
        &[("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")],
        &[typed, ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
        &[typed, ("actor_token", "x")],
    ];
    for more in others {
        let answer = auth.submit_as("gateway", "/auth/token", &[&base[..], more].concat()).await.expect(400);
        assert_eq!(fault(&answer), "invalid_request", "{more:?}");
    }
    auth.end().await;
}
