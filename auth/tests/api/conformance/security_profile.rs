//! Plan `fapi2-security-profile-final-test-plan`, with `private_key_jwt` and DPoP.

use auth::domain::{AuthenticationMethod, Client, GrantType, LoginRules, Scopes, SecurityProfile};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Holder, NOBODY};

use crate::started::{Auth, CALLBACK, CHALLENGE, ISSUER, VERIFIER, authorize, fault, parameter, text};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPE: &str = "openid order:read offline_access";

/// A client that is held to the profile, and the keys that it holds.
struct Bank {
    auth: Auth,
    signs: Holder,
    proves: Holder,
}

impl Bank {
    async fn start() -> Self {
        Self::signing(Holder::new()).await
    }

    async fn signing(signs: Holder) -> Self {
        let auth = Auth::start().await;
        let security = SecurityProfile {
            method: Some(AuthenticationMethod::PrivateKeyJwt),
            jwks: Some(json!({"keys": [signs.jwk()]})),
            require_par: true,
            dpop_bound: true,
            ..SecurityProfile::default()
        };
        let bank = Client {
            client_id: "bank".into(),
            name: "Bank".into(),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            redirect_uris: vec!["http://127.0.0.1/callback".into()],
            scopes: Scopes::of(SCOPE.split(' ')),
            plan: "free".into(),
            login: LoginRules::of_our_own(),
            security,
            ..Client::default()
        };
        auth.register(bank).await;
        Self { auth, signs, proves: Holder::new() }
    }

    fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
        let (now, id) = (self.auth.clock.now().unix_timestamp(), uuid::Uuid::new_v4().to_string());
        let mut claims = json!({"iss": "bank", "sub": "bank", "aud": ISSUER, "jti": id, "iat": now, "exp": now + 60});
        change(&mut claims);
        self.signs.sign(json!({}), &claims)
    }

    /// `POST path` with an assertion and, to prove the key, a proof.
    async fn send(&self, path: &str, form: &[(&str, &str)], assertion: &str, proof: Option<String>) -> Answer {
        let form = [form, &[("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)]].concat();
        let request = self.auth.client.request(Method::POST, path, NOBODY).form(&form);
        self.auth.client.send(proof.into_iter().fold(request, |request, proof| request.header("dpop", proof))).await
    }

    async fn push(&self, assertion: &str) -> Answer {
        let form = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", SCOPE),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        self.send("/auth/par", &form, assertion, None).await
    }

    async fn code(&self) -> String {
        let pushed = self.push(&self.assertion(|_| ())).await.expect(201).json();
        let uri = text(&pushed, "request_uri").replace(':', "%3A");
        let cookie = self.auth.log_in("alice").await;
        let path = format!("/auth/authorize?client_id=bank&request_uri={uri}");
        let answer = self.auth.get(&path, &cookie).await.expect(303);
        parameter(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"))
    }

    fn proof(&self) -> String {
        self.proves.proof("POST", &format!("{ISSUER}/token"), None, self.auth.clock.now())
    }

    async fn redeem(&self, code: &str, assertion: &str, proof: Option<String>) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.send("/auth/token", &form, assertion, proof).await
    }

    async fn userinfo(&self, scheme: &str, token: &str) -> Answer {
        let proof = self.proves.proof("GET", &format!("{ISSUER}/userinfo"), Some(token), self.auth.clock.now());
        let request = self.auth.client.request(Method::GET, "/auth/userinfo", NOBODY).header("dpop", proof);
        self.auth.client.send(request.header("authorization", format!("{scheme} {token}"))).await
    }
}

/// `FAPI2SPFinalHappyFlow`, `FAPI2SPFinalRefreshToken`, `FAPI2SPFinalAccessTokenTypeHeaderCaseSensitivity`
#[tokio::test]
async fn a_client_held_to_the_profile_logs_a_user_in() {
    let bank = Bank::start().await;
    let code = bank.code().await;
    let tokens = bank.redeem(&code, &bank.assertion(|_| ()), Some(bank.proof())).await.expect(200).json();
    assert_eq!(tokens["token_type"], "DPoP");
    for scheme in ["DPoP", "dpop", "DPOP"] {
        bank.userinfo(scheme, text(&tokens, "access_token")).await.expect(200);
    }
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let next = bank.send("/auth/token", &form, &bank.assertion(|_| ()), Some(bank.proof())).await.expect(200).json();
    bank.userinfo("DPoP", text(&next, "access_token")).await.expect(200);
    bank.auth.end().await;
}

/// `FAPI2SPFinalEnsureHolderOfKeyRequired`, `FAPI2SPFinalEnsureClientAssertionInTokenEndpoint`,
/// `FAPI2SPFinalEnsureAuthorizationCodeIsBoundToClient`
#[tokio::test]
async fn a_code_is_worth_nothing_without_proof_and_assertion_of_its_client() {
    let bank = Bank::start().await;
    let code = bank.code().await;
    let unproved = bank.redeem(&code, &bank.assertion(|_| ()), None).await.expect(400);
    assert_eq!(fault(&unproved), "invalid_dpop_proof");
    for (client_id, status, error) in [("bank", 401, "invalid_client"), ("demo", 400, "invalid_grant")] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(fault(&bank.auth.token(&form).await.expect(status)), error, "{client_id}");
    }
    bank.redeem(&code, &bank.assertion(|_| ()), Some(bank.proof())).await.expect(200);
    bank.auth.end().await;
}

/// `FAPI2SPFinalEnsureClientAssertionWithExpIs5MinutesInPastFails`, `…WithWrongAudFails`, `…WithNoSubFails`,
/// `FAPI2SPFinalPAREndpointAsAudienceFails`, `FAPI2SPFinalPAREndpointAsArrayAudienceFails`,
/// `FAPI2SPFinalPARTokenEndpointAsAudienceFails`,
/// `FAPI2SPFinalPAREnsureJWTClientAssertionWithIatNbfOver60SecondsInTheFutureFails`,
/// `FAPI2SPFinalPAREnsureJWTClientAssertionWithIatNbf8SecondsInTheFutureIsAccepted`
#[tokio::test]
async fn an_assertion_is_for_the_issuer_alone_and_of_this_time() {
    let bank = Bank::start().await;
    let now = bank.auth.clock.now().unix_timestamp();
    let wrong: [(&str, Value); 9] = [
        ("exp", json!(now - 300)),
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{ISSUER}/par"))),
        ("aud", json!([format!("{ISSUER}/par")])),
        ("aud", json!(format!("{ISSUER}/token"))),
        ("aud", json!([ISSUER])),
        ("sub", Value::Null),
        ("iat", json!(now + 68)),
        ("nbf", json!(now + 68)),
    ];
    for (claim, value) in wrong {
        let answer = bank.push(&bank.assertion(|claims| claims[claim] = value.clone())).await;
        assert_eq!((answer.status.as_u16(), fault(&answer).as_str()), (401, "invalid_client"), "{claim}: {value}");
    }
    let ahead = bank.assertion(|claims| (claims["iat"], claims["nbf"]) = (json!(now + 8), json!(now + 8)));
    bank.push(&ahead).await.expect(201);
    bank.auth.end().await;
}

/// `FAPI2SPFinalEnsureSignedClientAssertionWithRS256Fails`
#[tokio::test]
async fn assertions_are_not_signed_with_the_older_padding_of_rsa() {
    for (algorithm, status) in [("RS256", 401), ("PS256", 201), ("EdDSA", 201)] {
        let bank = Bank::signing(Holder::of(algorithm)).await;
        let answer = bank.push(&bank.assertion(|_| ())).await;
        assert_eq!(answer.status, status, "{algorithm}");
        bank.auth.end().await;
    }
}

/// `FAPI2SPFinalPARRejectInvalidHttpVerb`, `FAPI2SPFinalParWithoutDuplicateParameters`
#[tokio::test]
async fn requests_are_pushed_by_post_with_each_parameter_once() {
    let bank = Bank::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = testkit::Client::new(&bank.auth.address).request(method, "/auth/par", NOBODY);
        assert_eq!(request.send().await.unwrap().status(), 405);
    }
    let twice = [("scope", SCOPE), ("scope", SCOPE), ("response_type", "code"), ("redirect_uri", CALLBACK)];
    let answer = bank.send("/auth/par", &twice, &bank.assertion(|_| ()), None).await.expect(400);
    assert_eq!(fault(&answer), "invalid_request");
    bank.auth.end().await;
}

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
