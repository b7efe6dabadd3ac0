//! Plan `oidcc-basic-certification-test-plan`.

use contracts::seed;
use time::Duration;

use crate::started::{Auth, authorize, cookie_of, fault, parameter, text};

/// `OIDCCServerTest`: what the suite checks of each ID token (OpenID Connect Core, section 3.1.3.7).
#[tokio::test]
async fn an_id_token_says_who_when_for_whom_and_for_how_long() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let before = auth.clock.now().unix_timestamp();
    let claims = auth.id_claims(&cookie, &[("nonce", "n")]).await;
    assert_eq!((text(&claims, "sub"), text(&claims, "aud")), (seed::ALICE.to_string().as_str(), "demo"));
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert!(time("iat") >= before && time("exp") > time("iat") && time("exp") - time("iat") <= 3600, "{claims}");
    assert!(time("auth_time") <= time("iat"));
    auth.end().await;
}

/// `OIDCCEnsureRequestWithoutNonceSucceedsForCodeFlow`
#[tokio::test]
async fn without_a_nonce_there_is_none_in_the_id_token() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    assert!(auth.id_claims(&cookie, &[]).await.get("nonce").is_none());
    auth.end().await;
}

/// `OIDCCScopeProfile`, `OIDCCScopeEmail`, `OIDCCScopeAll`, `OIDCEnsureOtherScopeOrderSucceeds`
#[tokio::test]
async fn scopes_are_told_apart_and_their_order_does_not_matter() {
    let auth = Auth::start().await;
    for (scope, told, not) in [
        ("openid profile", &["name", "preferred_username"][..], &["email", "address", "phone_number"][..]),
        ("email openid", &["email", "email_verified"], &["name", "address"]),
        ("phone address email profile openid", &["name", "email", "address", "phone_number"], &[]),
    ] {
        let tokens = auth.tokens("alice", scope).await;
        let user = auth.client.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200).json();
        assert!(told.iter().all(|claim| user.get(*claim).is_some()), "{scope}: {user}");
        assert!(not.iter().all(|claim| user.get(*claim).is_none()), "{scope}: {user}");
    }
    auth.end().await;
}

/// `OIDCCDisplayPage`, `OIDCCDisplayPopup`, `OIDCCUiLocales`, `OIDCCClaimsLocales`,
/// `OIDCCEnsureRequestWithAcrValuesSucceeds`, `OIDCCEnsureRequestWithUnknownParameterSucceeds`
#[tokio::test]
async fn wishes_that_are_not_understood_do_not_stand_in_the_way() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for wish in [
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("extra", "foobar"),
    ] {
        let answer = auth.get(&authorize(&[wish]), &cookie).await.expect(303);
        let code = parameter(&answer, "code").unwrap_or_else(|| panic!("{wish:?}: {answer:?}"));
        auth.redeem(&code).await.expect(200);
    }
    auth.end().await;
}

/// `OIDCCLoginHint`
#[tokio::test]
async fn the_name_that_a_client_hints_at_stands_in_the_form() {
    let auth = Auth::start().await;
    let answer = auth.get(&authorize(&[("login_hint", "bob@example.com")]), "").await.expect(303);
    let cookie = cookie_of(&answer).unwrap_or_default();
    let page = auth.get(answer.header("location").unwrap(), &cookie).await.expect(200);
    assert!(page.body.contains("value=\"bob@example.com\""), "{}", page.body);
    auth.end().await;
}

/// `OIDCCAuthCodeReuseAfter30Seconds`, `FAPI2SPFinalAttemptReuseAuthorizationCodeAfterOneSecond`
#[tokio::test]
async fn a_code_that_is_used_again_later_ends_what_it_gave_too() {
    let auth = Auth::start().await;
    for later in [1, 30] {
        let code = auth.code("alice", "openid order:read offline_access").await;
        let tokens = auth.redeem(&code).await.expect(200).json();
        auth.clock.advance(Duration::seconds(later));
        assert!(auth.is_alive(text(&tokens, "access_token")).await);
        assert_eq!(fault(&auth.redeem(&code).await.expect(400)), "invalid_grant");
        assert!(!auth.is_alive(text(&tokens, "access_token")).await, "after {later} s");
        auth.refresh(text(&tokens, "refresh_token")).await.expect(400);
    }
    auth.end().await;
}

/// `OIDCCRefreshToken`: the new ID token is about the same login (OpenID Connect Core, section 12.2).
#[tokio::test]
async fn a_refreshed_id_token_is_of_the_same_login() {
    let auth = Auth::start().await;
    let first = auth.tokens("alice", "openid order:read offline_access").await;
    auth.clock.advance(Duration::minutes(5));
    let second = auth.refresh(text(&first, "refresh_token")).await.expect(200).json();
    let (_, old) = auth.verify(text(&first, "id_token"), "demo").await;
    let (_, new) = auth.verify(text(&second, "id_token"), "demo").await;
    for claim in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(old[claim], new[claim], "{claim}");
    }
    assert!(new["iat"].as_i64() > old["iat"].as_i64(), "{new}");
    auth.end().await;
}
