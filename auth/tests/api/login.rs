//! `/auth/login`: the form, as a browser fills it in.

use crate::started::{Auth, action_of, authorize, cookie_of, is_login, parameter, proof_in, query};

#[tokio::test]
async fn a_user_logs_in_by_the_form_and_goes_on_to_the_client() {
    let auth = Auth::start().await;
    let login = format!("/auth/login?{}", query(&[]));
    let page = auth.get(&login, "").await.expect(200);
    let (cookie, proof) = (cookie_of(&page).unwrap(), proof_in(&page.body));
    let action = action_of(&page.body);
    let form = [("csrf", proof.as_str()), ("username", " Alice "), ("password", "alice-demo-password")];
    let answer = auth.submit(&action, &cookie, &form).await.expect(303);
    let next = answer.header("location").unwrap();
    assert!(next.starts_with("/auth/authorize?"), "{next}");
    let answer = auth.get(next, &cookie_of(&answer).unwrap()).await.expect(303);
    assert!(parameter(&answer, "code").is_some(), "{answer:?}");
    auth.end().await;
}

#[tokio::test]
async fn the_session_gets_a_new_id_at_login_and_the_old_one_is_worth_nothing() {
    let auth = Auth::start().await;
    let (before, proof) = auth.form("/auth/login").await;
    let form = [("csrf", proof.as_str()), ("username", "alice"), ("password", "alice-demo-password")];
    let after = cookie_of(&auth.submit("/auth/login", &before, &form).await.expect(303)).unwrap();
    assert_ne!(before, after);
    assert!(is_login(&auth.get(&authorize(&[]), &before).await), "the cookie from before must not be logged in");
    assert!(parameter(&auth.get(&authorize(&[]), &after).await, "code").is_some());

    // Logging in once more ends the session before.
    let cookie = after;
    let page = auth.get("/auth/login", &cookie).await.expect(200);
    let form = [("csrf", &*proof_in(&page.body)), ("username", "bob"), ("password", "bob-demo-password")];
    let again = cookie_of(&auth.submit("/auth/login", &cookie, &form).await.expect(303)).unwrap();
    assert_ne!(cookie, again);
    assert!(is_login(&auth.get(&authorize(&[]), &cookie).await));
    auth.end().await;
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let auth = Auth::start().await;
    let page = auth.get("/auth/login", "").await.expect(200);
    let cookie = page.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/auth"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    auth.end().await;
}

#[tokio::test]
async fn a_form_that_is_not_ours_is_refused() {
    let auth = Auth::start().await;
    let (cookie, proof) = auth.form("/auth/login").await;
    let (other_cookie, other_proof) = auth.form("/auth/login").await;
    let right = [("username", "alice"), ("password", "alice-demo-password")];
    let with = |proof: &'static str| [("csrf", proof), right[0], right[1]];
    let mut answers = vec![
        auth.submit("/auth/login", &cookie, &right).await,
        auth.submit("/auth/login", &cookie, &with("made-up")).await,
        auth.submit("/auth/login", "", &[("csrf", &proof), right[0], right[1]]).await,
    ];
    // A proof is good in the browser that it was made for, and in no other.
    answers.push(auth.submit("/auth/login", &cookie, &[("csrf", &other_proof), right[0], right[1]]).await);
    answers.push(auth.submit("/auth/login", &other_cookie, &[("csrf", &proof), right[0], right[1]]).await);
    for answer in answers {
        assert_eq!(answer.status, 403);
        assert_eq!(auth.number("select count(*) from login_session").await, 0);
        assert!(answer.body.contains("Please try again"), "{}", answer.body);
    }
    auth.end().await;
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_alike() {
    let auth = Auth::start().await;
    let (cookie, proof) = auth.form("/auth/login").await;
    let mut pages = Vec::new();
    for username in ["alice", "mallory"] {
        let form = [("csrf", proof.as_str()), ("username", username), ("password", "guess")];
        let body = auth.submit("/auth/login", &cookie, &form).await.expect(403).body;
        pages.push(body.replace(username, "NAME"));
    }
    // That both have taken a hash, and so as long, is shown beside the code that takes it.
    assert_eq!(pages[0], pages[1]);
    auth.end().await;
}

#[tokio::test]
async fn nothing_that_is_sent_in_is_shown_unescaped() {
    let auth = Auth::start().await;
    let evil = "\"><script>alert(1)</script>";
    for name in ["login_hint", "state", "nonce"] {
        let login = format!("/auth/login?{}", query(&[(name, evil)]));
        let page = auth.get(&login, "").await.expect(200);
        assert!(!page.body.contains("<script"), "{name}: {}", page.body);
        let form = [("csrf", &*proof_in(&page.body)), ("username", evil), ("password", evil)];
        let again = auth.submit(&login, &cookie_of(&page).unwrap(), &form).await.expect(403);
        assert!(!again.body.contains("<script"), "{name}: {}", again.body);
    }
    let page = auth.get(&format!("/auth/login?{}", query(&[("login_hint", "alice & bob")])), "").await;
    assert!(page.body.contains("value=\"alice &#38; bob\""), "{}", page.body);
    auth.end().await;
}

#[tokio::test]
async fn pages_allow_no_script_no_frame_and_no_cache() {
    let auth = Auth::start().await;
    let pages = [
        auth.get("/auth/login", "").await,
        auth.get(&format!("/auth/login?{}", query(&[])), "").await,
        auth.get("/auth/logout", "").await,
        auth.get("/auth/authorize", "").await,
        auth.get(&authorize(&[("client_id", "nobody")]), "").await,
    ];
    for page in pages {
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    auth.end().await;
}

#[tokio::test]
async fn the_login_form_may_lead_to_its_client_and_nowhere_else() {
    let auth = Auth::start().await;
    let page = auth.get(&format!("/auth/login?{}", query(&[])), "").await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:49152;"), "{policy}");
    // Nor where the client sends users on, unless it is registered so.
    auth.change("demo", |client| client.origins = vec!["https://shop.example".to_owned()]).await;
    let page = auth.get(&format!("/auth/login?{}", query(&[])), "").await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:49152 https://shop.example;"), "{policy}");
    let evil = query(&[("redirect_uri", "https://evil.example/callback")]);
    auth.get(&format!("/auth/login?{evil}"), "").await.expect(400);
    auth.end().await;
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    auth.clock.advance(time::Duration::hours(12));
    assert!(is_login(&auth.get(&authorize(&[]), &cookie).await));
    auth.end().await;
}

#[tokio::test]
async fn a_session_goes_on_under_its_id_when_its_user_logs_in_again_and_ends_when_another_does() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let sid = auth.sid(&cookie).await;
    let (_, cookie) = auth.fill_in("/auth/login", &cookie, "alice").await;
    assert_eq!(auth.sid(&cookie).await, sid);
    let (_, cookie) = auth.fill_in("/auth/login", &cookie, "bob").await;
    assert_ne!(auth.sid(&cookie).await, sid);
    assert_eq!(auth.number("select count(*) from login_session").await, 1);
    auth.end().await;
}

#[tokio::test]
async fn it_is_remembered_from_where_somebody_logged_in() {
    let auth = Auth::start().await;
    let (cookie, proof) = auth.form("/auth/login").await;
    let form = [("csrf", proof.as_str()), ("username", "alice"), ("password", "alice-demo-password")];
    let request = auth.client.request(reqwest::Method::POST, "/auth/login", "").header("cookie", &cookie).form(&form);
    let request = request.header("user-agent", "A browser").header("x-forwarded-for", "192.0.2.7");
    auth.client.send(request).await.expect(303);
    let known = "select count(*) from login_session where user_agent = 'A browser' and address = '192.0.2.7'";
    assert_eq!(auth.number(known).await, 1);
    auth.end().await;
}
