//! `/auth/authorize`: to whom the browser is sent back, and with what.

mod asking;
mod claims;
mod form_post;
mod hint;
mod pkce;

use testkit::Answer;

use crate::started::{Auth, CALLBACK, ISSUER, authorize, parameter, query};

#[tokio::test]
async fn a_logged_in_user_is_sent_back_with_code_state_and_issuer() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let answer = auth.get(&authorize(&[]), &cookie).await.expect(303);
    assert!(answer.header("location").unwrap().starts_with(&format!("{CALLBACK}?code=")), "{answer:?}");
    assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&answer, "iss").as_deref(), Some(ISSUER));
    auth.end().await;
}

#[tokio::test]
async fn the_parameters_may_come_in_a_form() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let request = auth.client.request(reqwest::Method::POST, "/auth/authorize", "").header("cookie", &cookie);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(query(&[]));
    let answer = auth.client.send(request).await.expect(303);
    assert!(parameter(&answer, "code").is_some(), "{answer:?}");
    auth.end().await;
}

#[tokio::test]
async fn a_user_who_is_not_logged_in_is_asked_to() {
    let auth = Auth::start().await;
    let answer = auth.get(&authorize(&[]), "").await.expect(303);
    let login = answer.header("location").unwrap();
    assert!(login.starts_with("/auth/login?"), "{login}");
    let page = auth.get(login, "").await.expect(200);
    assert!(page.body.contains("to continue to <strong>Demo</strong>"), "{}", page.body);
    auth.end().await;
}

#[tokio::test]
async fn a_wrong_redirect_uri_or_client_gets_a_page_and_no_redirect() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let wrong = [
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:49152/callback/../evil"),
        ("redirect_uri", "http://127.0.0.1:49152/callback?x=1"),
        ("redirect_uri", "http://127.0.0.1:80@evil.example/callback"),
        ("redirect_uri", "http://localhost:49152/callback"),
        ("redirect_uri", "http://127.0.0.1/callback/"),
        ("redirect_uri", "http://127.0.0.1/callback.evil.example"),
        ("redirect_uri", ""),
        ("client_id", "nobody"),
        ("client_id", ""),
        ("client_id", "reporting"),
    ];
    for change in wrong {
        // Other faults in the same request must not make it redirect either.
        for more in [("state", "s"), ("response_type", "token"), ("scope", "")] {
            let answer = auth.get(&authorize(&[change, more]), &cookie).await.expect(400);
            assert_eq!(answer.header("location"), None, "{change:?}");
            assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{change:?}");
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn the_port_of_a_loopback_address_may_vary() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for uri in ["http://127.0.0.1/callback", "http://127.0.0.1:1/callback", "http://[::1]:65535/callback"] {
        let answer = auth.get(&authorize(&[("redirect_uri", uri)]), &cookie).await.expect(303);
        let location = answer.header("location").unwrap();
        assert!(location.starts_with(&format!("{uri}?code=")), "{location}");
    }
    auth.end().await;
}

#[tokio::test]
async fn every_other_fault_goes_back_to_the_client() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let faults = [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "a\"b"), "invalid_scope"),
        (("request", "eyJ"), "request_not_supported"),
        (("request_uri", "urn:x"), "request_uri_not_supported"),
    ];
    for (change, code) in faults {
        let answer: Answer = auth.get(&authorize(&[change]), &cookie).await.expect(303);
        assert!(answer.header("location").unwrap().starts_with(&format!("{CALLBACK}?")), "{change:?}");
        assert_eq!(parameter(&answer, "error").as_deref(), Some(code), "{change:?}");
        assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"));
        assert_eq!(parameter(&answer, "iss").as_deref(), Some(ISSUER));
        assert_eq!(parameter(&answer, "code"), None);
    }
    auth.end().await;
}

#[tokio::test]
async fn a_customer_cannot_obtain_what_is_for_staff_operators_or_machines() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for scope in ["store:operate inventory:write", "order:operate", "accounting:pay", "store:checkout"] {
        let answer = auth.get(&authorize(&[("scope", scope)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_scope"), "{scope}");
    }
    let tokens = auth.tokens("alice", "openid order:read order:operate inventory:write accounting:pay").await;
    assert_eq!(tokens["scope"], "openid order:read");
    auth.end().await;
}

#[tokio::test]
async fn staff_obtain_the_scopes_of_staff_and_operators_those_of_operators() {
    let auth = Auth::start().await;
    let asked = "inventory:read inventory:write inventory:operate inventory:reserve";
    assert_eq!(auth.tokens("sam", asked).await["scope"], "inventory:read inventory:write");
    assert_eq!(auth.tokens("olga", asked).await["scope"], "inventory:operate inventory:read inventory:write");
    auth.end().await;
}
