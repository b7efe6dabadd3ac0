//! `/auth/par` (RFC 9126), and the authorization endpoint with what it gave out.

use auth::domain::{Client, GrantType, Hash, LoginRules, Scopes, SecurityProfile};
use futures::future::join_all;
use reqwest::Url;
use testkit::Answer;
use time::Duration;

use crate::started::{Auth, CALLBACK, CHALLENGE, authorize, cookie_of, fault, parameter, proof_in, secret, text};

fn shop(require_par: bool) -> Client {
    Client {
        client_id: "shop".into(),
        name: "Shop".into(),
        secret_hash: Some(Hash::of(&secret("shop"))),
        grant_types: vec![GrantType::AuthorizationCode],
        redirect_uris: vec!["http://127.0.0.1/callback".into()],
        scopes: Scopes::of(["openid", "order:read"]),
        plan: "free".into(),
        login: LoginRules::of_our_own(),
        security: SecurityProfile { require_par, ..SecurityProfile::default() },
        ..Client::default()
    }
}

const RIGHT: [(&str, &str); 6] = [
    ("response_type", "code"),
    ("redirect_uri", CALLBACK),
    ("scope", "openid order:read"),
    ("state", "pushed state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

async fn push(auth: &Auth, changes: &[(&str, &str)]) -> Answer {
    let unchanged = RIGHT.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let form: Vec<_> = unchanged.chain(changes).copied().filter(|(_, value)| !value.is_empty()).collect();
    auth.submit_as("shop", "/auth/par", &form).await
}

async fn pushed(auth: &Auth) -> String {
    let answer = push(auth, &[]).await.expect(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["expires_in"], 90);
    by_reference(text(&answer.json(), "request_uri"), "shop")
}

fn by_reference(uri: &str, client_id: &str) -> String {
    let query = [("client_id", client_id), ("request_uri", uri)];
    let url = Url::parse_with_params("http://x/auth/authorize", query).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}

#[tokio::test]
async fn a_pushed_request_leads_to_a_code_by_its_reference_alone() {
    let auth = Auth::start().await;
    auth.register(shop(true)).await;
    let cookie = auth.log_in("alice").await;
    // What stands beside the reference does not count.
    let path = format!("{}&scope=email&state=other&redirect_uri=http%3A%2F%2Fevil.example", pushed(&auth).await);
    let answer = auth.get(&path, &cookie).await.expect(303);
    assert!(answer.header("location").unwrap().starts_with(CALLBACK));
    assert_eq!(parameter(&answer, "state").unwrap(), "pushed state");
    let code = parameter(&answer, "code").unwrap();
    let verifier = crate::started::VERIFIER;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
    ];
    let tokens = auth.submit_as("shop", "/auth/token", &form).await.expect(200).json();
    assert_eq!(tokens["scope"], "openid order:read");
    auth.end().await;
}

#[tokio::test]
async fn the_reference_outlives_the_login_page_and_shows_nothing_of_the_request() {
    let auth = Auth::start().await;
    auth.register(shop(true)).await;
    let path = pushed(&auth).await;
    auth.clock.advance(Duration::seconds(80));
    let to_login = auth.get(&path, "").await.expect(303);
    let login = to_login.header("location").unwrap().to_owned();
    assert!(login.starts_with("/auth/login?") && !login.contains("state") && !login.contains("scope"), "{login}");
    // Longer than there was to begin.
    auth.clock.advance(Duration::minutes(5));
    let page = auth.get(&login, "").await.expect(200);
    assert!(page.body.contains("Shop"));
    let (cookie, proof) = (cookie_of(&page).unwrap(), proof_in(&page.body));
    let form = |password| [("csrf", proof.as_str()), ("username", "alice"), ("password", password)];
    auth.submit(&login, &cookie, &form("wrong")).await.expect(403);
    let back = auth.submit(&login, &cookie, &form("alice-demo-password")).await.expect(303);
    let answer = auth.get(back.header("location").unwrap(), &cookie_of(&back).unwrap()).await.expect(303);
    assert!(parameter(&answer, "code").is_some(), "{answer:?}");
    auth.end().await;
}

#[tokio::test]
async fn the_reference_leads_through_the_consent_page_too() {
    let auth = Auth::start().await;
    auth.register(Client { login: LoginRules::default(), ..shop(true) }).await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&pushed(&auth).await, &cookie).await.expect(200);
    let (_, action) = page.body.split_once("action=\"").unwrap();
    let action = action.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&");
    assert!(action.contains("request_uri=") && !action.contains("redirect_uri"), "{action}");
    let proof = proof_in(&page.body);
    let form = [("csrf", proof.as_str()), ("scopes", "openid order:read"), ("decision", "allow")];
    let answer = auth.submit(&action, &cookie, &form).await.expect(303);
    assert!(parameter(&answer, "code").is_some(), "{answer:?}");
    auth.submit(&action, &cookie, &form).await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_uses_of_a_reference_at_once_exactly_one_gets_a_code() {
    let auth = Auth::start().await;
    auth.register(shop(false)).await;
    let cookie = auth.log_in("alice").await;
    for _ in 0..3 {
        let path = pushed(&auth).await;
        let answers = join_all((0..30).map(|_| auth.get(&path, &cookie))).await;
        let codes = answers.iter().filter_map(|answer| parameter(answer, "code"));
        assert_eq!(codes.count(), 1);
        let refused = |answer: &Answer| answer.status == 400 || parameter(answer, "error").is_some();
        assert_eq!(answers.iter().filter(|answer| refused(answer)).count(), 29);
    }
    assert_eq!(auth.number("select count(*) from authorization_grant").await, 3, "losers leave no grant");
    auth.end().await;
}

#[tokio::test]
async fn a_reference_expires_belongs_to_its_client_and_cannot_be_guessed() {
    let auth = Auth::start().await;
    auth.register(shop(false)).await;
    let cookie = auth.log_in("alice").await;
    let answer = push(&auth, &[]).await.expect(201).json();
    let uri = text(&answer, "request_uri");
    let made_up = "urn:ietf:params:oauth:request_uri:made-up";
    for path in [by_reference(uri, "demo"), by_reference(made_up, "shop"), by_reference(uri, "")] {
        let page = auth.get(&path, &cookie).await.expect(400);
        assert!(page.header("location").is_none() && page.header("content-type").unwrap().starts_with("text/html"));
        auth.get(&path.replace("authorize", "login"), &cookie).await.expect(400);
    }
    auth.clock.advance(Duration::seconds(90));
    auth.get(&by_reference(uri, "shop"), &cookie).await.expect(400);
    let foreign = auth.get(&authorize(&[("request_uri", "https://shop.example/request")]), &cookie).await.expect(303);
    assert_eq!(parameter(&foreign, "error").unwrap(), "request_uri_not_supported");
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_must_push_is_refused_otherwise() {
    let auth = Auth::start().await;
    auth.register(shop(true)).await;
    let cookie = auth.log_in("alice").await;
    let answer = auth.get(&authorize(&[("client_id", "shop")]), &cookie).await.expect(303);
    assert_eq!(parameter(&answer, "error").unwrap(), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_when_it_is_pushed() {
    let auth = Auth::start().await;
    auth.register(shop(false)).await;
    for (change, error) in [
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("request", "e30"), "request_not_supported"),
        (("redirect_uri", "https://evil.example/callback"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "accounting:pay"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("client_id", "demo"), "invalid_request"),
    ] {
        assert_eq!(fault(&push(&auth, &[change]).await.expect(400)), error, "{change:?}");
    }
    let anonymous = auth.submit("/auth/par", "", &RIGHT).await.expect(401);
    assert_eq!(fault(&anonymous), "invalid_client");
    let wrong = [&RIGHT[..], &[("client_id", "shop"), ("client_secret", "wrong")]].concat();
    auth.submit("/auth/par", "", &wrong).await.expect(401);
    auth.end().await;
}
