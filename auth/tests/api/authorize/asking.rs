//! `prompt` and `max_age`: when the password is asked for, and when nothing may be shown.

use time::Duration;

use crate::started::{Auth, CALLBACK, action_of, authorize, is_login, parameter, query};

#[tokio::test]
async fn prompt_none_shows_no_page() {
    let auth = Auth::start().await;
    let silent = authorize(&[("prompt", "none")]);
    let refused = auth.get(&silent, "").await.expect(303);
    assert!(refused.header("location").unwrap().starts_with(CALLBACK), "{refused:?}");
    assert_eq!(parameter(&refused, "error").as_deref(), Some("login_required"));
    let cookie = auth.log_in("alice").await;
    assert!(parameter(&auth.get(&silent, &cookie).await, "code").is_some());
    // Nor where the login is too old.
    auth.clock.advance(Duration::seconds(11));
    let old = auth.get(&authorize(&[("prompt", "none"), ("max_age", "10")]), &cookie).await.expect(303);
    assert_eq!(parameter(&old, "error").as_deref(), Some("login_required"));
    auth.end().await;
}

#[tokio::test]
async fn prompt_login_asks_for_the_password_once_more_and_only_once() {
    let auth = Auth::start().await;
    let mut cookie = auth.log_in("alice").await;
    let before = auth.id_claims(&cookie, &[]).await["auth_time"].as_i64().unwrap();
    auth.clock.advance(Duration::seconds(5));
    for prompt in ["login", "select_account"] {
        let answer = auth.get(&authorize(&[("prompt", prompt)]), &cookie).await.expect(303);
        assert!(is_login(&answer), "{answer:?}");
        let login = answer.header("location").unwrap();
        assert!(auth.get(login, &cookie).await.expect(200).body.contains("name=\"password\""));

        let (answer, renewed) = auth.fill_in(login, &cookie, "alice").await;
        cookie = renewed;
        let answer = auth.get(answer.header("location").unwrap(), &cookie).await.expect(303);
        let code = parameter(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"));
        let tokens = auth.redeem(&code).await.expect(200).json();
        let (_, claims) = auth.verify(tokens["id_token"].as_str().unwrap(), "demo").await;
        assert!(claims["auth_time"].as_i64().unwrap() >= before + 5, "{claims}");
    }
    auth.end().await;
}

#[tokio::test]
async fn the_login_form_begins_with_the_name_that_the_client_hints_at_also_where_somebody_else_is_logged_in() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for prompt in ["login", "select_account"] {
        for (hint, name) in [("bob", "bob"), ("", "alice")] {
            let answer = auth.get(&authorize(&[("prompt", prompt), ("login_hint", hint)]), &cookie).await.expect(303);
            let page = auth.get(answer.header("location").unwrap(), &cookie).await.expect(200);
            assert!(page.body.contains(&format!("value=\"{name}\"")), "{prompt} {hint}: {}", page.body);
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn who_is_not_logged_in_is_asked_for_the_password_once() {
    let auth = Auth::start().await;
    for wish in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "0")] {
        let login = auth.get(&authorize(&[wish]), "").await.expect(303);
        assert!(is_login(&login), "{login:?}");
        let (answer, cookie) = auth.fill_in(login.header("location").unwrap(), "", "alice").await;
        auth.clock.advance(Duration::seconds(2));
        let answer = auth.get(answer.header("location").unwrap(), &cookie).await.expect(303);
        assert!(parameter(&answer, "code").is_some(), "{wish:?}: {answer:?}");
    }
    auth.end().await;
}

/// Logs in because a client asked for it; the way back, its note, and the cookie.
async fn asked_to_log_in(auth: &Auth, cookie: &str, user: &str) -> (String, String, String) {
    let login = auth.get(&authorize(&[("prompt", "login")]), cookie).await.expect(303);
    let (answer, cookie) = auth.fill_in(login.header("location").unwrap(), cookie, user).await;
    let back = answer.header("location").unwrap();
    let (_, note) = back.split_once("&asked=").expect("a note");
    (back.to_owned(), note.to_owned(), cookie)
}

#[tokio::test]
async fn a_login_in_another_browser_or_for_another_request_does_not_replace_one() {
    let auth = Auth::start().await;
    let earlier = auth.log_in("alice").await;
    let (_, bobs, _) = asked_to_log_in(&auth, &auth.log_in("bob").await, "bob").await;
    let (_, before, earlier) = asked_to_log_in(&auth, &earlier, "alice").await;
    auth.clock.advance(Duration::seconds(1));
    let (back, note, cookie) = asked_to_log_in(&auth, &earlier, "alice").await;
    let to = |request: &str, note: &str| format!("{request}&asked={note}");
    let asks = authorize(&[("prompt", "login")]);
    for (request, note) in [
        (&asks, &bobs),
        (&asks, &before),
        (&authorize(&[("prompt", "login"), ("state", "another")]), &note),
        (&authorize(&[("max_age", "0"), ("nonce", "another")]), &note),
    ] {
        assert!(is_login(&auth.get(&to(request, note), &cookie).await), "{request} {note}");
    }
    assert!(parameter(&auth.get(&back, &cookie).await, "code").is_some());
    // Nor one of some time ago.
    auth.clock.advance(Duration::minutes(5));
    assert!(is_login(&auth.get(&back, &cookie).await));
    auth.end().await;
}

#[tokio::test]
async fn what_the_browser_makes_up_does_not_replace_a_login() {
    let auth = Auth::start().await;
    let (_, note, cookie) = asked_to_log_in(&auth, "", "alice").await;
    let (moment, proof) = note.split_once('.').unwrap();
    let asks = authorize(&[("prompt", "login")]);
    let sooner = moment.parse::<i64>().unwrap() + 1;
    for asked in ["0.x", "", moment, &format!("0.{proof}"), &format!("{sooner}.{proof}"), &format!("{moment}.x")] {
        assert!(is_login(&auth.get(&format!("{asks}&asked={asked}"), &cookie).await), "{asked}");
    }
    auth.end().await;
}

#[tokio::test]
async fn what_a_link_says_of_a_login_adds_nothing_to_the_request() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let names = |address: &str| {
        let url = reqwest::Url::parse("http://x").unwrap().join(address).unwrap();
        url.query_pairs().map(|(name, _)| name.into_owned()).collect::<Vec<_>>()
    };
    for evil in ["x%0Ay", "x%26claims%3Dx", "%26prompt%3Dnone"] {
        let path = format!("/auth/login?{}&asked={evil}", query(&[]));
        let answer = auth.get(&path, &cookie).await.expect(303);
        let back = names(answer.header("location").unwrap());
        assert!(!back.iter().any(|name| name == "claims" || name == "prompt"), "{back:?}");
        let form = action_of(&auth.get(&path, "").await.expect(200).body);
        assert!(!names(&form).iter().any(|name| name == "claims" || name == "prompt"), "{form}");
    }
    // Nor on the way through the consent page.
    auth.change("demo", |client| client.login.asks_consent = true).await;
    let page = auth.get(&format!("{}&asked=x%26claims%3Dx", authorize(&[])), &cookie).await.expect(200);
    assert!(!names(&action_of(&page.body)).contains(&"claims".to_owned()), "{}", page.body);
    auth.end().await;
}

#[tokio::test]
async fn max_age_asks_for_the_password_where_the_login_is_older() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    auth.clock.advance(Duration::seconds(100));
    assert!(parameter(&auth.get(&authorize(&[("max_age", "1000")]), &cookie).await, "code").is_some());
    for age in ["99", "1", "0"] {
        let answer = auth.get(&authorize(&[("max_age", age)]), &cookie).await.expect(303);
        assert!(is_login(&answer), "{age}: {answer:?}");
        auth.clock.advance(Duration::seconds(1));
        let (answer, _) = auth.fill_in(answer.header("location").unwrap(), "", "alice").await;
        assert!(answer.header("location").unwrap().starts_with("/auth/authorize?"), "{answer:?}");
    }
    // However young it must be, a login for this very request will do.
    let login = auth.get(&authorize(&[("max_age", "0")]), &cookie).await.header("location").unwrap().to_owned();
    let (answer, cookie) = auth.fill_in(&login, &cookie, "alice").await;
    auth.clock.advance(Duration::seconds(2));
    assert!(parameter(&auth.get(answer.header("location").unwrap(), &cookie).await, "code").is_some());
    auth.end().await;
}

#[tokio::test]
async fn wishes_that_contradict_each_other_or_are_none_go_back_to_the_client() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for wrong in [("prompt", "none login"), ("prompt", "create"), ("max_age", "-1"), ("max_age", "soon")] {
        let answer = auth.get(&authorize(&[wrong]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"), "{wrong:?}");
    }
    auth.end().await;
}

#[tokio::test]
async fn a_request_by_form_from_another_site_finds_its_cookie_again() {
    let auth = Auth::start().await;
    // A browser leaves the cookie out there (SameSite=Lax): the request is sent round by GET, with it.
    let (path, query) =
        authorize(&[("prompt", "none")]).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let request = auth.client.request(reqwest::Method::POST, &path, "");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(query);
    let answer = auth.client.send(request).await.expect(303);
    let round = answer.header("location").unwrap();
    assert!(round.starts_with("/auth/authorize?"), "{round}");
    let cookie = auth.log_in("alice").await;
    assert!(parameter(&auth.get(round, &cookie).await, "code").is_some());
    auth.end().await;
}
