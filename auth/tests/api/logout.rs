//! `/auth/logout`: by the page, and as clients send users to it.

use reqwest::{Method, Url};
use testkit::{Answer, NOBODY};

use crate::started::{Auth, authorize, hidden_in, parameter, proof_in, text};

const RETURN: &str = "https://demo.example/bye?from=shop";

async fn is_in(auth: &Auth, cookie: &str) -> bool {
    parameter(&auth.get(&authorize(&[]), cookie).await, "code").is_some()
}

/// The client `demo` may have users sent back.
async fn start() -> Auth {
    let auth = Auth::start().await;
    auth.change("demo", |client| client.login.post_logout_redirect_uris = vec![RETURN.into()]).await;
    auth
}

/// Logs in; the cookie, and an ID token of the session.
async fn log_in(auth: &Auth, user: &str) -> (String, String) {
    let cookie = auth.log_in(user).await;
    let answer = auth.get(&authorize(&[]), &cookie).await.expect(303);
    let tokens = auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200).json();
    (cookie, text(&tokens, "id_token").to_owned())
}

fn logout(parameters: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://x/auth/logout", parameters).unwrap();
    format!("/auth/logout?{}", url.query().unwrap())
}

fn asks(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains("Sign out?")
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get("/auth/logout", &cookie).await.expect(200);
    assert!(page.body.contains("signed in as <strong>alice</strong>"), "{}", page.body);
    assert!(is_in(&auth, &cookie).await, "asking ends nothing");
    let answer = auth.submit("/auth/logout", &cookie, &[("csrf", &proof_in(&page.body))]).await.expect(200);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{answer:?}");
    assert!(!is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn what_was_granted_in_the_session_ends_with_it_unless_it_may_outlive_it() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let mut tokens = Vec::new();
    for scope in ["openid order:read", "openid order:read offline_access"] {
        let answer = auth.get(&authorize(&[("scope", scope)]), &cookie).await;
        tokens.push(auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200).json());
    }
    let page = auth.get("/auth/logout", &cookie).await.expect(200);
    auth.submit("/auth/logout", &cookie, &[("csrf", &proof_in(&page.body))]).await.expect(200);
    assert!(!auth.is_alive(text(&tokens[0], "access_token")).await);
    assert!(auth.is_alive(text(&tokens[1], "access_token")).await);
    assert_eq!(auth.announced().await.len(), 1);
    auth.end().await;
}

#[tokio::test]
async fn another_site_cannot_log_a_user_out() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    // Without a form of ours it is as if a client had sent the user: asked first, by GET.
    let answer = auth.submit("/auth/logout", &cookie, &[]).await.expect(303);
    assert!(answer.header("location").unwrap().starts_with("/auth/logout"), "{answer:?}");
    auth.submit("/auth/logout", &cookie, &[("csrf", "made-up")]).await.expect(403);
    assert!(is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn with_an_id_token_of_its_user_a_client_logs_out_without_a_question() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    // Expired ones too.
    auth.clock.advance(time::Duration::hours(2));
    let path = logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", RETURN), ("state", "a&b")]);
    let answer = auth.get(&path, &cookie).await.expect(303);
    assert_eq!(answer.header("location"), Some("https://demo.example/bye?from=shop&state=a%26b"));
    assert!(!is_in(&auth, &cookie).await);
    // Who is logged out already goes the same way.
    assert_eq!(auth.get(&path, "").await.expect(303).header("location"), answer.header("location"));
    auth.end().await;
}

#[tokio::test]
async fn who_only_looks_gets_no_code_and_ends_nothing() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    for path in [authorize(&[]), logout(&[("id_token_hint", &hint)])] {
        let looking = auth.client.request(Method::HEAD, &path, NOBODY).header("cookie", &cookie);
        let answer = looking.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET,POST"));
    }
    assert!(is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn each_parameter_may_be_missing() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    let no_state =
        auth.get(&logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", RETURN)]), &cookie).await.expect(303);
    assert_eq!(no_state.header("location"), Some(RETURN));
    let (cookie, hint) = log_in(&auth, "alice").await;
    let no_address = auth.get(&logout(&[("id_token_hint", &hint), ("state", "x")]), &cookie).await.expect(200);
    assert!(no_address.body.contains("You are not signed in"), "{}", no_address.body);
    let cookie = auth.log_in("alice").await;
    assert!(asks(&auth.get("/auth/logout", &cookie).await), "no parameters");
    assert!(asks(&auth.get(&logout(&[("state", "x")]), &cookie).await), "only a state");
    assert!(is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn without_a_valid_hint_the_user_is_asked() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    let (signed, _) = hint.rsplit_once('.').unwrap();
    let modified = format!("{signed}.{}", "A".repeat(86));
    let (_, bobs) = log_in(&auth, "bob").await;
    // Of the same user, but in another browser: whoever finds it ends nothing here.
    let (_, elsewhere) = log_in(&auth, "alice").await;
    let to = ("post_logout_redirect_uri", RETURN);
    for wrong in [modified.as_str(), "x", &bobs, &elsewhere] {
        let page = auth.get(&logout(&[("id_token_hint", wrong), to]), &cookie).await;
        assert!(asks(&page) && page.header("location").is_none(), "{page:?}");
    }
    // Of a client that is not known by its hint nothing is believed: nobody is sent anywhere.
    let page = auth.get(&logout(&[("id_token_hint", &modified), to]), &cookie).await;
    auth.press(&page, &cookie, &[]).await.expect(200);
    assert!(!is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_only_says_its_name_has_the_user_asked_and_then_sent_back() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let to = ("post_logout_redirect_uri", RETURN);
    let page = auth.get(&logout(&[("client_id", "demo"), to, ("state", "s")]), &cookie).await;
    assert!(asks(&page) && page.body.contains("<strong>Demo</strong> asks"), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://demo.example;"), "{policy}");
    let answer = auth.press(&page, &cookie, &[]).await.expect(303);
    assert_eq!(answer.header("location"), Some("https://demo.example/bye?from=shop&state=s"));
    assert!(!is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn an_address_that_is_not_registered_is_not_gone_to() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    for wrong in [
        "https://evil.example/",
        "https://demo.example/bye",
        "https://demo.example/bye?from=shop&more=1",
        "https://demo.example/bye?from=shop/",
        "https://demo.example.evil.example/bye?from=shop",
    ] {
        for known_by in [("id_token_hint", hint.as_str()), ("client_id", "demo")] {
            let path = logout(&[known_by, ("post_logout_redirect_uri", wrong)]);
            assert_eq!(auth.get(&path, &cookie).await.expect(400).header("location"), None, "{wrong}");
        }
    }
    let swagger = logout(&[("client_id", "swagger"), ("post_logout_redirect_uri", RETURN)]);
    auth.get(&swagger, &cookie).await.expect(400);
    auth.get(&logout(&[("client_id", "swagger"), ("id_token_hint", &hint)]), &cookie).await.expect(400);
    assert!(is_in(&auth, &cookie).await);
    // Nor where nobody is known to ask.
    let nobody = logout(&[("client_id", "nobody"), ("post_logout_redirect_uri", RETURN)]);
    assert_eq!(auth.get(&nobody, "").await.expect(200).header("location"), None);
    auth.end().await;
}

#[tokio::test]
async fn a_client_may_send_the_parameters_by_form() {
    let auth = start().await;
    let (cookie, hint) = log_in(&auth, "alice").await;
    // From another site, so without the cookie (SameSite=Lax): a redirect to here brings it.
    let form = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", RETURN), ("state", "s")];
    let round = auth.submit("/auth/logout", "", &form).await.expect(303);
    let answer = auth.get(round.header("location").unwrap(), &cookie).await.expect(303);
    assert!(answer.header("location").unwrap().starts_with(RETURN), "{answer:?}");
    assert!(!is_in(&auth, &cookie).await);
    auth.end().await;
}

#[tokio::test]
async fn nothing_in_the_question_is_unescaped() {
    let auth = start().await;
    let cookie = auth.log_in("alice").await;
    let evil = "\"><script>alert(1)</script>";
    let page = auth.get(&logout(&[("client_id", "demo"), ("state", evil), ("id_token_hint", evil)]), &cookie).await;
    assert!(asks(&page) && !page.body.contains("<script"), "{}", page.body);
    assert!(hidden_in(&page.body).iter().any(|(name, _)| name == "state"));
    auth.end().await;
}
