//! PKCE for a client that is let off it, and that this lets nobody else off.

use crate::started::{Auth, CALLBACK, VERIFIER, authorize, fault, parameter, text};

const WITHOUT: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

async fn code(auth: &Auth, cookie: &str, changes: &[(&str, &str)]) -> String {
    let answer = auth.get(&authorize(changes), cookie).await.expect(303);
    parameter(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"))
}

async fn redeem(auth: &Auth, code: &str, verifier: &str) -> testkit::Answer {
    auth.redeem_with(code, CALLBACK, verifier).await
}

#[tokio::test]
async fn every_client_must_bind_its_codes_unless_it_is_let_off() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let refused = auth.get(&authorize(&WITHOUT), &cookie).await.expect(303);
    assert_eq!(parameter(&refused, "error").as_deref(), Some("invalid_request"));
    auth.change("demo", |client| client.login.require_pkce = false).await;
    let unbound = code(&auth, &cookie, &WITHOUT).await;
    let tokens = redeem(&auth, &unbound, "").await.expect(200).json();
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.end().await;
}

#[tokio::test]
async fn a_downgrade_is_refused_in_both_directions() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    auth.change("demo", |client| client.login.require_pkce = false).await;
    // The challenge was taken out of the request on its way: the client's verifier brings it to light.
    let stripped = code(&auth, &cookie, &WITHOUT).await;
    assert_eq!(fault(&redeem(&auth, &stripped, VERIFIER).await.expect(400)), "invalid_grant");
    // The verifier is left out: a thief does not know it.
    let bound = code(&auth, &cookie, &[]).await;
    assert_eq!(fault(&redeem(&auth, &bound, "").await.expect(400)), "invalid_grant");
    redeem(&auth, &bound, VERIFIER).await.expect(200);
    auth.end().await;
}
