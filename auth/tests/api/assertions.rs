//! How clients say who they are: each by its one method, and `private_key_jwt` (RFC 7523).

use auth::domain::{AuthenticationMethod, Client, GrantType, Hash, Scopes, SecurityProfile};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Holder, NOBODY};

use crate::started::{Auth, ISSUER, fault, secret, text};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ENDPOINTS: [&str; 3] = ["/auth/token", "/auth/introspect", "/auth/revoke"];

type Change<'a> = &'a dyn Fn(&mut Value, &mut Value);

fn robot(method: AuthenticationMethod, keys: &[Value]) -> Client {
    let jwks = (!keys.is_empty()).then(|| json!({"keys": keys}));
    Client {
        client_id: "robot".into(),
        name: "Robot".into(),
        secret_hash: keys.is_empty().then(|| Hash::of(&secret("robot"))),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of(["order:read"]),
        plan: "free".into(),
        security: SecurityProfile { method: Some(method), jwks, ..SecurityProfile::default() },
        ..Client::default()
    }
}

fn assertion(auth: &Auth, holder: &Holder, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let now = auth.clock.now().unix_timestamp();
    let (mut header, id) = (json!({}), uuid::Uuid::new_v4().to_string());
    let mut claims = json!({"iss": "robot", "sub": "robot", "aud": ISSUER, "jti": id, "iat": now, "exp": now + 60});
    change(&mut header, &mut claims);
    holder.sign(header, &claims)
}

async fn present(auth: &Auth, path: &str, jwt: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("token", "anything"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", jwt),
    ];
    auth.submit(path, "", &form).await
}

#[tokio::test]
async fn an_assertion_is_taken_wherever_clients_say_who_they_are_whatever_the_algorithm() {
    let auth = Auth::start().await;
    let holders = ["ES256", "EdDSA", "PS256", "RS256"].map(Holder::of);
    // A key that cannot be used does not stand in the way of the others.
    let mut keys = vec![json!({"kty": "EC", "crv": "P-521", "kid": "other"}), json!(7)];
    keys.extend(holders.iter().map(Holder::jwk));
    auth.register(robot(AuthenticationMethod::PrivateKeyJwt, &keys)).await;
    for holder in &holders {
        for path in ENDPOINTS {
            present(&auth, path, &assertion(&auth, holder, |_, _| ())).await.expect(200);
        }
    }
    for audience in [format!("{ISSUER}/token"), format!("{ISSUER}/par")] {
        let jwt = assertion(&auth, &holders[0], |_, claims| claims["aud"] = json!([audience]));
        present(&auth, "/auth/token", &jwt).await.expect(200);
    }
    auth.end().await;
}

#[tokio::test]
async fn an_assertion_that_is_not_right_in_every_detail_is_refused() {
    let auth = Auth::start().await;
    let (holder, other) = (Holder::new(), Holder::new());
    let mut key = holder.jwk();
    key["kid"] = json!("k-1");
    auth.register(robot(AuthenticationMethod::PrivateKeyJwt, &[key])).await;
    let now = auth.clock.now().unix_timestamp();
    let changes: [(&str, Change<'_>); 14] = [
        ("another issuer", &|_, claims| claims["iss"] = json!("reporting")),
        ("another audience", &|_, claims| claims["aud"] = json!("https://other.example")),
        ("one more audience", &|_, claims| claims["aud"] = json!([ISSUER, "https://other.example"])),
        ("no audience", &|_, claims| claims["aud"] = Value::Null),
        ("expired", &|_, claims| claims["exp"] = json!(now - 1)),
        ("for ever", &|_, claims| claims["exp"] = json!(now + 7_200)),
        ("no end", &|_, claims| claims["exp"] = Value::Null),
        ("made later", &|_, claims| claims["iat"] = json!(now + 90)),
        ("good later", &|_, claims| claims["nbf"] = json!(now + 90)),
        ("no id", &|_, claims| claims["jti"] = Value::Null),
        ("another key's name", &|header, _| header["kid"] = json!("k-2")),
        ("crit", &|header, _| header["crit"] = json!(["exp"])),
        ("alg none", &|header, _| header["alg"] = json!("none")),
        ("alg HS256", &|header, _| header["alg"] = json!("HS256")),
    ];
    for (name, change) in changes {
        let answer = present(&auth, "/auth/token", &assertion(&auth, &holder, change)).await.expect(401);
        assert_eq!(fault(&answer), "invalid_client", "{name}");
    }
    for jwt in [assertion(&auth, &other, |_, _| ()), "a.b.c".into(), "x".into(), "..".into()] {
        present(&auth, "/auth/token", &jwt).await.expect(401);
    }
    let fine = assertion(&auth, &holder, |header, claims| {
        header["kid"] = json!("k-1");
        claims["nbf"] = json!(now + 8);
    });
    present(&auth, "/auth/token", &fine).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn an_assertion_of_a_client_whose_name_no_database_keeps_is_refused_like_any_other() {
    let auth = Auth::start().await;
    let holder = Holder::new();
    for subject in ["a\0", "\u{1b}[2J", "a\u{85}b"] {
        let jwt = assertion(&auth, &holder, |_, claims| claims["sub"] = json!(subject));
        for path in ENDPOINTS.into_iter().chain(["/auth/par"]) {
            assert_eq!(fault(&present(&auth, path, &jwt).await.expect(401)), "invalid_client", "{path} {subject:?}");
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_uses_of_an_assertion_at_once_exactly_one_wins() {
    let auth = Auth::start().await;
    let holder = Holder::new();
    auth.register(robot(AuthenticationMethod::PrivateKeyJwt, &[holder.jwk()])).await;
    for _ in 0..3 {
        let jwt = assertion(&auth, &holder, |_, _| ());
        let answers = join_all((0..30).map(|nth| present(&auth, ENDPOINTS[nth % 3], &jwt))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| fault(answer) == "invalid_client"));
        // Signed anew, it is still the same.
        let id = json!(text(&claims_of(&jwt), "jti"));
        present(&auth, "/auth/token", &assertion(&auth, &holder, |_, claims| claims["jti"] = id)).await.expect(401);
    }
    auth.end().await;
}

fn claims_of(jwt: &str) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_client_says_who_it_is_only_in_the_way_it_is_registered_for() {
    let auth = Auth::start().await;
    let (holder, secret) = (Holder::new(), secret("robot"));
    let ways =
        [AuthenticationMethod::SecretBasic, AuthenticationMethod::SecretPost, AuthenticationMethod::PrivateKeyJwt];
    for (registered, method) in ways.into_iter().enumerate() {
        let keys = [holder.jwk()];
        let keys = if method == AuthenticationMethod::PrivateKeyJwt { &keys[..] } else { &[] };
        auth.register(robot(method, keys)).await;
        for path in ENDPOINTS {
            let form = [("grant_type", "client_credentials"), ("token", "anything")];
            let basic = auth.client.request(Method::POST, path, NOBODY).basic_auth("robot", Some(&secret)).form(&form);
            let post = [&form[..], &[("client_id", "robot"), ("client_secret", &secret)]].concat();
            let by_name = [&form[..], &[("client_id", "robot")]].concat();
            let answers = [
                auth.client.send(basic).await,
                auth.submit(path, "", &post).await,
                present(&auth, path, &assertion(&auth, &holder, |_, _| ())).await,
            ];
            for (way, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.status == 200, way == registered, "{path} {method:?} {way}: {answer:?}");
                assert!(way == registered || fault(&answer) == "invalid_client");
            }
            auth.submit(path, "", &by_name).await.expect(401);
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn an_assertion_comes_alone_and_says_what_it_is() {
    let auth = Auth::start().await;
    let holder = Holder::new();
    auth.register(robot(AuthenticationMethod::PrivateKeyJwt, &[holder.jwk()])).await;
    let jwt = assertion(&auth, &holder, |_, _| ());
    let (kind, given) = (("client_assertion_type", JWT_BEARER), ("client_assertion", jwt.as_str()));
    let form = ("grant_type", "client_credentials");
    for more in [
        &[form, given][..],
        &[form, given, ("client_assertion_type", "urn:x")],
        &[form, given, kind, ("client_id", "reporting")],
        &[form, given, kind, ("client_secret", "secret")],
    ] {
        assert_eq!(fault(&auth.token(more).await.expect(400)), "invalid_request", "{more:?}");
    }
    auth.token(&[form, given, kind, ("client_id", "robot")]).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn who_says_who_it_is_in_a_way_that_is_not_known_is_nobody_to_this_program_and_the_one_before() {
    let auth = Auth::start().await;
    let holder = Holder::new();
    auth.register(robot(AuthenticationMethod::PrivateKeyJwt, &[holder.jwk()])).await;
    // The program before this one knows nothing of methods: without a secret a client is public.
    let public = "select count(*) from client where client_id = 'robot' and secret_hash is null";
    assert_eq!(auth.number(public).await, 0);
    let mut db = auth.database.connect().await;
    for change in [
        "alter table client drop constraint client_authentication_method_is_known",
        "update client set authentication_method = 'tls_client_auth' where client_id = 'demo'",
    ] {
        sqlx::query(change).execute(&mut db).await.unwrap();
    }
    let form = [("client_id", "demo"), ("token", "anything")];
    auth.submit("/auth/revoke", "", &form).await.expect(401);
    present(&auth, "/auth/token", &assertion(&auth, &holder, |_, _| ())).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn the_database_refuses_a_client_that_cannot_say_who_it_is() {
    let auth = Auth::start().await;
    let mut db = auth.database.connect().await;
    for method in ["private_key_jwt", "client_secret_basic", "client_secret_post", "by_post"] {
        let changed = sqlx::query("update client set authentication_method = $1 where client_id = 'demo'");
        assert!(changed.bind(method).execute(&mut db).await.is_err(), "{method}");
    }
    auth.end().await;
}
