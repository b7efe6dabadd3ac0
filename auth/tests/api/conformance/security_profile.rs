//! Plan `fapi2-security-profile-final-test-plan`.

use crate::started::{Auth, CALLBACK, authorize, parameter};

/// `FAPI2SPFinalEnsureAuthorizationRequestWithoutStateSuccess`
#[tokio::test]
async fn without_a_state_there_is_none_in_the_answer() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let answer = auth.get(&authorize(&[("state", "")]), &cookie).await.expect(303);
    assert!(parameter(&answer, "code").is_some() && parameter(&answer, "state").is_none(), "{answer:?}");
    auth.end().await;
}

/// `FAPI2SPFinalEnsureAuthorizationRequestWith64CharNonceSuccess`,
/// `FAPI2SPFinalEnsureAuthorizationRequestWithLongNonce`, `FAPI2SPFinalEnsureAuthorizationRequestWithLongState`
#[tokio::test]
async fn a_long_nonce_or_state_comes_back_whole() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for length in [64, 384] {
        let long = "n0-_".repeat(length / 4);
        assert_eq!(auth.id_claims(&cookie, &[("nonce", &long)]).await["nonce"], long);
        let answer = auth.get(&authorize(&[("state", &long)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "state"), Some(long));
    }
    auth.end().await;
}

/// `FAPI2SPFinalEnsureResponseTypeCodeIdTokenFails`, `FAPI2SPFinalEnsureResponseTypeTokenFails`
#[tokio::test]
async fn tokens_are_never_given_to_the_browser() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for response_type in ["code id_token", "token", "id_token", "code token", "none", "Code"] {
        let answer = auth.get(&authorize(&[("response_type", response_type)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").as_deref(), Some("unsupported_response_type"), "{response_type}");
        assert!(answer.header("location").unwrap().starts_with(&format!("{CALLBACK}?")), "{answer:?}");
    }
    auth.end().await;
}
