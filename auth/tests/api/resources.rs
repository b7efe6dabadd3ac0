//! Resource indicators (RFC 8707): tokens for some services only.

use serde_json::json;

use crate::started::{Auth, CALLBACK, PUBLIC_URL, VERIFIER, authorize, fault, parameter, text};

const SCOPE: &str = "openid order:read store:read offline_access";

fn api(service: &str) -> String {
    format!("{PUBLIC_URL}/api/{service}")
}

/// A code of alice for these resources.
async fn code(auth: &Auth, resources: &[&str]) -> String {
    let cookie = auth.log_in("alice").await;
    let resources: Vec<_> = resources.iter().map(|service| ("resource", api(service))).collect();
    let mut changes = vec![("scope", SCOPE)];
    changes.extend(resources.iter().map(|(name, value)| (*name, value.as_str())));
    let answer = auth.get(&authorize(&changes), &cookie).await.expect(303);
    parameter(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"))
}

async fn redeem(auth: &Auth, code: &str, resources: &[&str]) -> testkit::Answer {
    let resources: Vec<_> = resources.iter().map(|service| api(service)).collect();
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "demo"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    form.extend(resources.iter().map(|value| ("resource", value.as_str())));
    auth.token(&form).await
}

#[tokio::test]
async fn a_token_for_one_resource_is_exchanged_for_no_other_service() {
    let auth = Auth::start().await;
    let tokens = redeem(&auth, &code(&auth, &["order"]).await, &[]).await.expect(200).json();
    assert_eq!(tokens["scope"], "offline_access openid order:read");
    let token = text(&tokens, "access_token");
    auth.exchange(token, "order").await.expect(200);
    for service in ["store", "inventory", "gateway"] {
        assert_eq!(fault(&auth.exchange(token, service).await.expect(400)), "invalid_target", "{service}");
    }
    auth.change("reporting", |client| client.security.introspects_others = true).await;
    let told = auth.submit_as("reporting", "/auth/introspect", &[("token", token)]).await.expect(200).json();
    assert_eq!(told["aud"], json!([api("order")]));
    // It goes on so.
    let refreshed = auth.refresh(text(&tokens, "refresh_token")).await.expect(200).json();
    auth.exchange(text(&refreshed, "access_token"), "order").await.expect(200);
    auth.exchange(text(&refreshed, "access_token"), "store").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn of_several_resources_each_token_may_be_for_fewer_but_never_for_others() {
    let auth = Auth::start().await;
    let code = code(&auth, &["order", "store"]).await;
    let wider = redeem(&auth, &code, &["inventory"]).await.expect(400);
    assert_eq!(fault(&wider), "invalid_target");
    // The refused request has not spent the code.
    let tokens = redeem(&auth, &code, &["store"]).await.expect(200).json();
    auth.exchange(text(&tokens, "access_token"), "store").await.expect(200);
    auth.exchange(text(&tokens, "access_token"), "order").await.expect(400);
    let refresh = async |token: &str, service: &str| {
        let resource = api(service);
        let form =
            [("grant_type", "refresh_token"), ("client_id", "demo"), ("refresh_token", token), ("resource", &resource)];
        auth.token(&form).await
    };
    let token = text(&tokens, "refresh_token");
    assert_eq!(fault(&refresh(token, "shipping").await.expect(400)), "invalid_target");
    let other = refresh(token, "order").await.expect(200).json();
    auth.exchange(text(&other, "access_token"), "order").await.expect(200);
    auth.exchange(text(&other, "access_token"), "store").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn without_a_resource_a_token_is_good_for_all() {
    let auth = Auth::start().await;
    let tokens = redeem(&auth, &code(&auth, &[]).await, &[]).await.expect(200).json();
    for service in ["order", "store", "inventory"] {
        auth.exchange(text(&tokens, "access_token"), service).await.expect(200);
    }
    let narrowed = redeem(&auth, &code(&auth, &[]).await, &["order"]).await.expect(200).json();
    auth.exchange(text(&narrowed, "access_token"), "store").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_acts_for_itself_names_its_resource_too() {
    let auth = Auth::start().await;
    let order = api("order");
    let token = auth.client_credentials("reporting", &[("resource", &order)]).await.expect(200).json();
    assert_eq!(token["scope"], "order:read");
    auth.exchange(text(&token, "access_token"), "order").await.expect(200);
    auth.exchange(text(&token, "access_token"), "store").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn what_is_no_resource_of_ours_is_refused() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for bad in ["https://other.example/api/order", "order", "http://shop.test/api/order/", "http://shop.test/auth"] {
        let answer = auth.get(&authorize(&[("resource", bad)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").unwrap(), "invalid_target", "{bad}");
        let answer = auth.client_credentials("reporting", &[("resource", bad)]).await.expect(400);
        assert_eq!(fault(&answer), "invalid_target", "{bad}");
    }
    // Of a service for which the scopes have nothing there is nothing to give.
    let shipping = api("shipping");
    let nothing = auth.client_credentials("order", &[("resource", &shipping), ("scope", "store:read")]).await;
    assert_eq!(fault(&nothing.expect(400)), "invalid_scope");
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_is_for_some_services_gets_no_token_for_others() {
    let auth = Auth::start().await;
    let before = redeem(&auth, &code(&auth, &["order", "store"]).await, &[]).await.expect(200).json();
    let only = auth::domain::Resources::stored(Some(vec!["order".into()]));
    for client_id in ["demo", "reporting"] {
        auth.change(client_id, |client| client.resources = only.clone()).await;
    }
    let others = api("store");
    // A machine, with and without saying for what.
    let refused = auth.client_credentials("reporting", &[("resource", &others)]).await.expect(400);
    assert_eq!(fault(&refused), "invalid_target");
    let token = auth.client_credentials("reporting", &[]).await.expect(200).json();
    assert_eq!(token["scope"], "order:read");
    auth.exchange(text(&token, "access_token"), "order").await.expect(200);
    auth.exchange(text(&token, "access_token"), "store").await.expect(400);
    // A user's application, at each of its ways in.
    let cookie = auth.log_in("alice").await;
    let answer = auth.get(&authorize(&[("scope", SCOPE), ("resource", &others)]), &cookie).await.expect(303);
    assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_target"));
    let device = [("client_id", "demo"), ("scope", SCOPE), ("resource", &others)];
    assert_eq!(fault(&auth.submit("/auth/device_authorization", "", &device).await.expect(400)), "invalid_target");
    let tokens = redeem(&auth, &code(&auth, &[]).await, &[]).await.expect(200).json();
    assert_eq!(tokens["scope"], "offline_access openid order:read");
    // What was granted before is for no more than the client is now.
    let refreshed = auth.refresh(text(&before, "refresh_token")).await.expect(200).json();
    auth.exchange(text(&refreshed, "access_token"), "order").await.expect(200);
    auth.exchange(text(&refreshed, "access_token"), "store").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn the_database_refuses_a_client_that_is_for_no_service_at_all() {
    let auth = Auth::start().await;
    let mut db = auth.database.connect().await;
    let mut becomes = async |resources: Option<Vec<String>>| {
        let changed = sqlx::query("update client set resources = $1 where client_id = 'demo'");
        changed.bind(resources).execute(&mut db).await.is_ok()
    };
    assert!(!becomes(Some(vec![])).await, "who means all its scopes writes NULL");
    assert!(becomes(Some(vec!["order".into()])).await && becomes(None).await);
    auth.end().await;
}
