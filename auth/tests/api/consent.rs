//! The consent page: what an application is allowed, and by whom it is remembered.

use futures::future::join_all;
use testkit::Answer;

use crate::started::{Auth, authorize, hidden_in, parameter, proof_in, text};

/// The client `demo` becomes somebody else's, of whom users are asked.
async fn start() -> Auth {
    let auth = Auth::start().await;
    auth.change("demo", |client| client.login.asks_consent = true).await;
    auth
}

fn is_asked(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains("Allow Demo?")
}

async fn consents(auth: &Auth) -> i64 {
    auth.number("select count(*) from consent").await
}

#[tokio::test]
async fn the_suites_own_applications_ask_for_none_and_others_do() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    assert!(parameter(&auth.get(&authorize(&[]), &cookie).await, "code").is_some());
    auth.change("demo", |client| client.login.asks_consent = true).await;
    let page = auth.get(&authorize(&[("scope", "openid email order:read")]), &cookie).await.expect(200);
    for shown in
        ["Allow Demo?", "Alice Ashdown", "Know your email address", "See your orders", "<code>order:read</code>"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    auth.end().await;
}

#[tokio::test]
async fn consent_is_remembered_for_user_client_and_scopes() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[]), &cookie).await;
    let answer = auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200);
    assert!(parameter(&auth.get(&authorize(&[]), &cookie).await, "code").is_some());
    assert!(
        parameter(&auth.get(&authorize(&[("scope", "openid")]), &cookie).await, "code").is_some(),
        "less is allowed"
    );
    // More is not, nor another's account.
    let more = [("scope", "openid order:read email")];
    assert!(is_asked(&auth.get(&authorize(&more), &cookie).await));
    let bob = auth.log_in("bob").await;
    assert!(is_asked(&auth.get(&authorize(&[]), &bob).await));
    // What was allowed before stays allowed.
    let page = auth.get(&authorize(&more), &cookie).await;
    auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    assert!(parameter(&auth.get(&authorize(&[]), &cookie).await, "code").is_some());
    auth.end().await;
}

#[tokio::test]
async fn a_claim_asked_for_by_name_needs_the_consent_of_its_scope() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[]), &cookie).await;
    auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    let page = auth.get(&authorize(&[("claims", r#"{"userinfo": {"phone_number": null}}"#)]), &cookie).await;
    assert!(is_asked(&page) && page.body.contains("Know your phone number"), "{}", page.body);
    auth.end().await;
}

#[tokio::test]
async fn who_does_not_allow_it_goes_back_to_the_client_with_an_error() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[]), &cookie).await;
    let answer = auth.press(&page, &cookie, &[("decision", "deny")]).await.expect(303);
    assert_eq!(parameter(&answer, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"));
    assert_eq!(consents(&auth).await, 0);
    auth.end().await;
}

#[tokio::test]
async fn prompt_consent_asks_in_any_case_and_prompt_none_never() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let silent = auth.get(&authorize(&[("prompt", "none")]), &cookie).await.expect(303);
    assert_eq!(parameter(&silent, "error").as_deref(), Some("consent_required"));
    let asks = authorize(&[("prompt", "consent")]);
    for _ in 0..2 {
        let page = auth.get(&asks, &cookie).await;
        assert!(is_asked(&page), "{page:?}");
        let answer = auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
        assert!(parameter(&answer, "code").is_some(), "{answer:?}");
    }
    auth.change("demo", |client| client.login.asks_consent = false).await;
    assert!(is_asked(&auth.get(&asks, &cookie).await), "also for the suite's own");
    auth.end().await;
}

#[tokio::test]
async fn a_form_that_is_not_ours_allows_nothing() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let other = auth.log_in("bob").await;
    let page = auth.get(&authorize(&[]), &cookie).await;
    let others = proof_in(&auth.get(&authorize(&[]), &other).await.body);
    let path = authorize(&[]).replace("/auth/authorize", "/auth/consent");
    for csrf in ["", "made-up", &others] {
        for decision in ["allow", "deny"] {
            let form = [("csrf", csrf), ("scopes", "openid order:read"), ("decision", decision)];
            assert!(auth.submit(&path, &cookie, &form).await.expect(403).body.contains("Allow Demo?"));
        }
    }
    auth.press(&page, "", &[("decision", "allow")]).await.expect(303);
    assert_eq!(consents(&auth).await, 0);
    assert!(is_asked(&auth.get(&authorize(&[]), &cookie).await));
    auth.end().await;
}

#[tokio::test]
async fn only_what_was_shown_is_allowed() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[("scope", "openid")]), &cookie).await;
    let mut form = hidden_in(&page.body);
    form.push(("decision".into(), "allow".into()));
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let more = authorize(&[("scope", "openid order:write")]).replace("/auth/authorize", "/auth/consent");
    let again = auth.submit(&more, &cookie, &form).await.expect(403);
    assert!(again.body.contains("See and change your orders"), "{}", again.body);
    assert_eq!(consents(&auth).await, 0);
    auth.end().await;
}

#[tokio::test]
async fn a_page_for_an_address_that_is_not_the_clients_is_not_shown() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let evil = authorize(&[("redirect_uri", "https://evil.example/")]).replace("/auth/authorize", "/auth/consent");
    for decision in ["allow", "deny"] {
        let answer = auth.submit(&evil, &cookie, &[("csrf", "x"), ("decision", decision)]).await.expect(400);
        assert_eq!(answer.header("location"), None);
    }
    auth.end().await;
}

#[tokio::test]
async fn a_consent_that_is_withdrawn_takes_along_what_was_issued_under_it() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let scope = ("scope", "openid order:read offline_access");
    let page = auth.get(&authorize(&[scope]), &cookie).await;
    let answer = auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    let tokens = auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200).json();
    let unredeemed = parameter(&auth.get(&authorize(&[scope]), &cookie).await, "code").unwrap();
    assert!(auth.is_alive(text(&tokens, "access_token")).await);

    let page = auth.get("/auth/account", &cookie).await.expect(200);
    assert!(page.body.contains("<strong>Demo</strong>"), "{}", page.body);
    let form = [("csrf", &*proof_in(&page.body)), ("client_id", "demo")];
    auth.submit("/auth/account/applications", &cookie, &form).await.expect(303);
    assert!(!auth.is_alive(text(&tokens, "access_token")).await);
    assert_eq!(auth.announced().await.len(), 1);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(400);
    auth.redeem(&unredeemed).await.expect(400);
    assert!(is_asked(&auth.get(&authorize(&[]), &cookie).await), "it is asked for anew");
    assert!(auth.get("/auth/account", &cookie).await.body.contains("No application"));
    auth.end().await;
}

#[tokio::test]
async fn a_code_that_races_with_the_withdrawal_gets_no_token_that_lives() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    for _ in 0..5 {
        let page = auth.get(&authorize(&[]), &cookie).await;
        let answer = auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
        auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200);
        let account = auth.get("/auth/account", &cookie).await.expect(200);
        let form = [("csrf", &*proof_in(&account.body)), ("client_id", "demo")];
        let request = authorize(&[]);
        let asked = join_all((0..12).map(|_| auth.get(&request, &cookie)));
        let (asked, withdrawn) = tokio::join!(asked, auth.submit("/auth/account/applications", &cookie, &form));
        withdrawn.expect(303);
        for code in asked.iter().filter_map(|answer| parameter(answer, "code")) {
            auth.redeem(&code).await.expect(400);
        }
    }
    auth.end().await;
}
