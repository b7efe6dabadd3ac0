//! DPoP (RFC 9449): tokens that only the holder of a key can use.

use auth::domain::{Client, GrantType, Hash, Scopes, SecurityProfile};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Holder, NOBODY};
use time::Duration;

use crate::started::{Auth, CALLBACK, CHALLENGE, ISSUER, VERIFIER, authorize, fault, parameter, secret, text};

const SCOPE: &str = "openid order:read offline_access";

type Change<'a> = &'a dyn Fn(&mut Value, &mut Value);

fn token_url() -> String {
    format!("{ISSUER}/token")
}

impl Auth {
    /// A proof for the token endpoint.
    fn proof(&self, holder: &Holder) -> String {
        holder.proof("POST", &token_url(), None, self.clock.now())
    }

    async fn send_proved(&self, path: &str, proof: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.client.request(Method::POST, path, NOBODY).header("dpop", proof);
        self.client.send(request.form(form)).await
    }

    async fn redeem_proved(&self, code: &str, proof: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "demo"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.send_proved("/auth/token", proof, &form).await
    }

    async fn refresh_proved(&self, token: &str, proof: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", "demo"), ("refresh_token", token)];
        self.send_proved("/auth/token", proof, &form).await
    }

    async fn bound_tokens(&self, holder: &Holder) -> Value {
        let code = self.code("alice", SCOPE).await;
        self.redeem_proved(&code, &self.proof(holder)).await.expect(200).json()
    }

    /// Asks for userinfo with a token under a scheme, and maybe a proof.
    async fn userinfo(&self, method: Method, authorization: &str, proof: Option<&str>) -> Answer {
        let request = self.client.request(method, "/auth/userinfo", NOBODY).header("authorization", authorization);
        self.client.send(proof.into_iter().fold(request, |request, proof| request.header("dpop", proof))).await
    }

    async fn introspect(&self, token: &str) -> Value {
        self.change("reporting", |client| client.security.introspects_others = true).await;
        self.submit_as("reporting", "/auth/introspect", &[("token", token)]).await.expect(200).json()
    }
}

#[tokio::test]
async fn who_proves_a_key_gets_tokens_bound_to_it() {
    let auth = Auth::start().await;
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let holder = Holder::of(algorithm);
        let tokens = auth.bound_tokens(&holder).await;
        assert_eq!(tokens["token_type"], "DPoP");
        let access_token = text(&tokens, "access_token");
        let told = auth.introspect(access_token).await;
        assert_eq!((&told["token_type"], &told["cnf"]), (&json!("DPoP"), &json!({"jkt": holder.thumbprint()})));
        let exchanged = auth.exchange(access_token, "order").await.expect(200).json();
        assert_eq!(exchanged["cnf"], json!({"jkt": holder.thumbprint()}));
        // Between gateway and service it is a plain JWT: the gateway has seen the proof.
        assert_eq!(exchanged["token_type"], "Bearer");
        assert!(auth.verify(text(&exchanged, "access_token"), "order").await.1.get("cnf").is_none());
    }
    let unbound = auth.tokens("alice", SCOPE).await;
    let told = auth.introspect(text(&unbound, "access_token")).await;
    assert!(unbound["token_type"] == "Bearer" && told["token_type"] == "Bearer" && told.get("cnf").is_none());
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_acts_for_itself_gets_bound_tokens_too_and_must_if_it_is_registered_so() {
    let auth = Auth::start().await;
    auth.register(Client {
        client_id: "robot".into(),
        secret_hash: Some(Hash::of(&secret("robot"))),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of(["order:read"]),
        plan: "free".into(),
        security: SecurityProfile { dpop_bound: true, ..SecurityProfile::default() },
        ..Client::default()
    })
    .await;
    let refused = auth.client_credentials("robot", &[]).await.expect(400);
    assert_eq!(fault(&refused), "invalid_dpop_proof");
    let secret = secret("robot");
    let form = [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", secret.as_str())];
    let token = auth.send_proved("/auth/token", &auth.proof(&Holder::new()), &form).await.expect(200).json();
    assert_eq!(token["token_type"], "DPoP");
    auth.end().await;
}

#[tokio::test]
async fn a_proof_that_is_not_right_in_every_detail_is_refused() {
    let auth = Auth::start().await;
    let (holder, other, now) = (Holder::new(), Holder::new().jwk(), auth.clock.now());
    let changes: [(&str, Change<'_>); 13] = [
        ("typ", &|header, _| header["typ"] = json!("JWT")),
        ("alg none", &|header, _| header["alg"] = json!("none")),
        ("alg HS256", &|header, _| header["alg"] = json!("HS256")),
        ("crit", &|header, _| header["crit"] = json!(["jti"])),
        ("another's key", &|header, _| header["jwk"] = other.clone()),
        ("a private key", &|header, _| header["jwk"]["d"] = json!("AAAA")),
        ("no key", &|header, _| header["jwk"] = Value::Null),
        ("htm", &|_, claims| claims["htm"] = json!("GET")),
        ("htu", &|_, claims| claims["htu"] = json!("https://other.example/auth/token")),
        ("no jti", &|_, claims| claims["jti"] = Value::Null),
        ("a jti that is no text", &|_, claims| claims["jti"] = json!(7)),
        ("too old", &|_, claims| claims["iat"] = json!((now - Duration::seconds(90)).unix_timestamp())),
        ("too far ahead", &|_, claims| claims["iat"] = json!((now + Duration::seconds(90)).unix_timestamp())),
    ];
    let secret = secret("order");
    let form = [("grant_type", "client_credentials"), ("client_id", "order"), ("client_secret", secret.as_str())];
    for (name, change) in changes {
        let proof = holder.proof_with("POST", &token_url(), None, now, change);
        let answer = auth.send_proved("/auth/token", &proof, &form).await.expect(400);
        assert_eq!(fault(&answer), "invalid_dpop_proof", "{name}");
    }
    for made in [now - Duration::seconds(9), now + Duration::seconds(9)] {
        let proof = holder.proof("POST", &token_url(), None, made);
        auth.send_proved("/auth/token", &proof, &form).await.expect(200);
    }
    for proof in ["", "x", "a.b.c", "..", &"a".repeat(9_000)] {
        let answer = auth.send_proved("/auth/token", proof, &form).await.expect(400);
        assert_eq!(fault(&answer), "invalid_dpop_proof", "{proof:.9}");
    }
    let request = auth.client.request(Method::POST, "/auth/token", NOBODY);
    let twice = request.header("dpop", auth.proof(&holder)).header("dpop", auth.proof(&holder));
    assert_eq!(fault(&auth.client.send(twice.form(&form)).await.expect(400)), "invalid_dpop_proof");
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_uses_of_a_proof_at_once_exactly_one_wins() {
    let auth = Auth::start().await;
    let holder = Holder::new();
    let secret = secret("order");
    let form = [("grant_type", "client_credentials"), ("client_id", "order"), ("client_secret", secret.as_str())];
    for _ in 0..3 {
        let proof = auth.proof(&holder);
        let answers = join_all((0..30).map(|_| auth.send_proved("/auth/token", &proof, &form))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| fault(answer) == "invalid_dpop_proof"));
    }
    auth.end().await;
}

#[tokio::test]
async fn a_refresh_token_of_a_public_client_works_with_its_key_only() {
    let auth = Auth::start().await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let tokens = auth.bound_tokens(&holder).await;
    let token = text(&tokens, "refresh_token");
    assert_eq!(fault(&auth.refresh(token).await.expect(400)), "invalid_grant");
    assert_eq!(fault(&auth.refresh_proved(token, &auth.proof(&thief)).await.expect(400)), "invalid_grant");
    // None of these attempts has spent it, or revoked anything.
    let next = auth.refresh_proved(token, &auth.proof(&holder)).await.expect(200).json();
    assert_eq!(next["token_type"], "DPoP");
    assert_eq!(auth.introspect(text(&next, "access_token")).await["cnf"], json!({"jkt": holder.thumbprint()}));
    auth.refresh(text(&next, "refresh_token")).await.expect(400);
    // A second use by the holder himself still means that it was copied.
    auth.refresh_proved(token, &auth.proof(&holder)).await.expect(400);
    assert!(!auth.is_alive(text(&next, "access_token")).await);
    auth.end().await;
}

#[tokio::test]
async fn a_code_can_be_bound_to_a_key_beforehand() {
    let auth = Auth::start().await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let cookie = auth.log_in("alice").await;
    let path = authorize(&[("dpop_jkt", &holder.thumbprint())]);
    let code = parameter(&auth.get(&path, &cookie).await.expect(303), "code").unwrap();
    assert_eq!(fault(&auth.redeem(&code).await.expect(400)), "invalid_grant");
    assert_eq!(fault(&auth.redeem_proved(&code, &auth.proof(&thief)).await.expect(400)), "invalid_grant");
    auth.redeem_proved(&code, &auth.proof(&holder)).await.expect(200);
    let wrong = auth.get(&authorize(&[("dpop_jkt", "short")]), &cookie).await.expect(303);
    assert_eq!(parameter(&wrong, "error").unwrap(), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn a_proof_with_a_pushed_request_binds_its_code() {
    let auth = Auth::start().await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let form = [
        ("client_id", "demo"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let proof = |holder: &Holder| holder.proof("POST", &format!("{ISSUER}/par"), None, auth.clock.now());
    let thumbprint = thief.thumbprint();
    let named = [&form[..], &[("dpop_jkt", thumbprint.as_str())]].concat();
    let other = auth.send_proved("/auth/par", &proof(&holder), &named).await.expect(400);
    assert_eq!(fault(&other), "invalid_dpop_proof");
    let elsewhere = auth.send_proved("/auth/par", &auth.proof(&holder), &form).await.expect(400);
    assert_eq!(fault(&elsewhere), "invalid_dpop_proof");
    let pushed = auth.send_proved("/auth/par", &proof(&holder), &form).await.expect(201).json();
    let cookie = auth.log_in("alice").await;
    let uri = text(&pushed, "request_uri").replace(':', "%3A");
    let answer = auth.get(&format!("/auth/authorize?client_id=demo&request_uri={uri}"), &cookie).await.expect(303);
    let code = parameter(&answer, "code").unwrap();
    auth.redeem_proved(&code, &auth.proof(&thief)).await.expect(400);
    auth.redeem_proved(&code, &auth.proof(&holder)).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn userinfo_takes_a_bound_token_with_a_proof_of_its_key_only() {
    let auth = Auth::start().await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let tokens = auth.bound_tokens(&holder).await;
    let token = text(&tokens, "access_token");
    let (dpop, bearer, now) = (format!("DPoP {token}"), format!("Bearer {token}"), auth.clock.now());
    let url = format!("{ISSUER}/userinfo");
    for method in [Method::GET, Method::POST] {
        let proof = holder.proof(method.as_str(), &url, Some(token), now);
        auth.userinfo(method.clone(), &dpop, Some(&proof)).await.expect(200);
        let again = auth.userinfo(method.clone(), &dpop, Some(&proof)).await.expect(401);
        assert_eq!(again.code(), "invalid_dpop_proof");
    }
    let refused = [
        (&bearer, None, "invalid_token"),
        (&bearer, Some(holder.proof("GET", &url, Some(token), now)), "invalid_token"),
        (&dpop, None, "invalid_dpop_proof"),
        (&dpop, Some(thief.proof("GET", &url, Some(token), now)), "invalid_token"),
        (&dpop, Some(holder.proof("GET", &url, None, now)), "invalid_dpop_proof"),
        (&dpop, Some(holder.proof("GET", &url, Some("rat_other"), now)), "invalid_dpop_proof"),
        (&dpop, Some(holder.proof("POST", &url, Some(token), now)), "invalid_dpop_proof"),
        (&dpop, Some(holder.proof("GET", &token_url(), Some(token), now)), "invalid_dpop_proof"),
    ];
    for (authorization, proof, code) in refused {
        let answer = auth.userinfo(Method::GET, authorization, proof.as_deref()).await.expect(401);
        assert_eq!(answer.code(), code);
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error="), "{answer:?}");
    }
    let unbound = auth.tokens("alice", SCOPE).await;
    let unbound = text(&unbound, "access_token");
    let proof = holder.proof("GET", &url, Some(unbound), now);
    auth.userinfo(Method::GET, &format!("DPoP {unbound}"), Some(&proof)).await.expect(401);
    auth.userinfo(Method::GET, &format!("Bearer {unbound}"), None).await.expect(200);
    auth.end().await;
}
