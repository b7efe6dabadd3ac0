//! `/auth/account`: sessions and applications, and how they are ended.

use futures::future::join_all;

use crate::started::{Auth, authorize, is_login, parameter, proof_in, text};

async fn proof(auth: &Auth, cookie: &str) -> String {
    proof_in(&auth.get("/auth/account", cookie).await.expect(200).body)
}

async fn is_in(auth: &Auth, cookie: &str) -> bool {
    parameter(&auth.get(&authorize(&[]), cookie).await, "code").is_some()
}

#[tokio::test]
async fn who_is_not_logged_in_is_asked_to_and_comes_back() {
    let auth = Auth::start().await;
    let answer = auth.get("/auth/account", "").await.expect(303);
    assert_eq!(answer.header("location"), Some("/auth/login"));
    let (answer, cookie) = auth.fill_in("/auth/login", "", "alice").await;
    assert_eq!(answer.header("location"), Some("/auth/account"));
    let page = auth.get("/auth/account", &cookie).await.expect(200);
    assert!(page.body.contains("Hello, Alice Ashdown") && page.body.contains("this one"), "{}", page.body);
    for path in ["/auth/account/sessions", "/auth/account/applications"] {
        let answer = auth.submit(path, "", &[("session", "others"), ("client_id", "demo")]).await.expect(303);
        assert_eq!(answer.header("location"), Some("/auth/login"));
    }
    auth.end().await;
}

#[tokio::test]
async fn a_session_elsewhere_is_ended_with_what_was_issued_in_it() {
    let auth = Auth::start().await;
    let (here, elsewhere) = (auth.log_in("alice").await, auth.log_in("alice").await);
    let issued = |answer: testkit::Answer| parameter(&answer, "code").unwrap();
    let brief = issued(auth.get(&authorize(&[]), &elsewhere).await);
    let brief = auth.redeem(&brief).await.expect(200).json();
    let lasting = issued(auth.get(&authorize(&[("scope", "openid order:read offline_access")]), &elsewhere).await);
    let lasting = auth.redeem(&lasting).await.expect(200).json();
    let unredeemed = issued(auth.get(&authorize(&[]), &elsewhere).await);

    let form = [("csrf", &*proof(&auth, &here).await), ("session", &*auth.sid(&elsewhere).await)];
    auth.submit("/auth/account/sessions", &here, &form).await.expect(303);
    assert!(!is_in(&auth, &elsewhere).await && is_in(&auth, &here).await);
    assert!(!auth.is_alive(text(&brief, "access_token")).await);
    auth.redeem(&unredeemed).await.expect(400);
    // What may act while the user is away goes on; it is taken back on the same page.
    assert!(auth.is_alive(text(&lasting, "access_token")).await);
    auth.end().await;
}

#[tokio::test]
async fn however_much_was_granted_it_ends_in_few_pieces_and_each_token_is_announced() {
    let auth = Auth::start().await;
    let (here, elsewhere) = (auth.log_in("alice").await, auth.log_in("alice").await);
    let sid = auth.sid(&elsewhere).await;
    let many = format!(
        "with granted as (
             insert into authorization_grant
                 (id, client_id, user_id, scopes, authenticated_at, created_at, session_id)
             select gen_random_uuid(), 'demo', user_id, '{{openid}}', now(), now(), id
             from login_session, generate_series(1, 2400) where id = '{sid}' returning id)
         insert into access_token (token_hash, grant_id, client_id, scopes, issued_at, expires_at)
         select sha256(uuid_send(id)), id, 'demo', '{{openid}}', now(), now() + interval '1 hour' from granted"
    );
    let events = "select count(*) from security_event";
    let (csrf, messages) = (proof(&auth, &here).await, "select count(*) from messaging.outbox");
    let forms = [("/auth/account/sessions", ("session", &*sid)), ("/auth/account/applications", ("client_id", "demo"))];
    for (path, what) in forms {
        sqlx::query(sqlx::AssertSqlSafe(many.clone())).execute(&mut auth.database.connect().await).await.unwrap();
        let (tokens, before) = (auth.announced().await.len(), (auth.number(events).await, auth.number(messages).await));
        auth.submit(path, &here, &[("csrf", &csrf), what]).await.expect(303);
        assert!(auth.announced().await.len() >= tokens + 2400, "{path}");
        let more = (auth.number(events).await - before.0, auth.number(messages).await - before.1);
        // Of the session: that it ended and that what was issued in it did.
        assert!(more.0 <= 2 && more.1 <= 2 + 3, "{path}: {more:?}");
        // For the second form: elsewhere is gone, and grants of it are as good as any.
        sqlx::query(
            "update login_session set id = $1 where user_id = (select id from end_user where username = 'alice')",
        )
        .bind(uuid::Uuid::parse_str(&sid).unwrap())
        .execute(&mut auth.database.connect().await)
        .await
        .unwrap();
    }
    auth.end().await;
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let auth = Auth::start().await;
    let here = auth.log_in("alice").await;
    let others = [auth.log_in("alice").await, auth.log_in("alice").await];
    let bob = auth.log_in("bob").await;
    let form = [("csrf", &*proof(&auth, &here).await), ("session", "others")];
    auth.submit("/auth/account/sessions", &here, &form).await.expect(303);
    for other in &others {
        assert!(is_login(&auth.get(&authorize(&[]), other).await));
    }
    assert!(is_in(&auth, &here).await && is_in(&auth, &bob).await);
    auth.end().await;
}

#[tokio::test]
async fn nobody_ends_the_session_of_another_or_takes_back_what_another_allowed() {
    let auth = Auth::start().await;
    let (alice, bob) = (auth.log_in("alice").await, auth.log_in("bob").await);
    // Only with another session is there a form.
    auth.log_in("alice").await;
    let bobs = auth.tokens("bob", "openid order:read").await;
    let csrf = proof(&auth, &alice).await;
    let form = [("csrf", csrf.as_str()), ("session", &*auth.sid(&bob).await)];
    auth.submit("/auth/account/sessions", &alice, &form).await.expect(303);
    auth.submit("/auth/account/applications", &alice, &[("csrf", &csrf), ("client_id", "demo")]).await.expect(303);
    assert!(is_in(&auth, &bob).await);
    assert!(auth.is_alive(text(&bobs, "access_token")).await);
    auth.end().await;
}

#[tokio::test]
async fn a_form_of_another_site_ends_nothing() {
    let auth = Auth::start().await;
    let (here, elsewhere) = (auth.log_in("alice").await, auth.log_in("alice").await);
    let tokens = auth.tokens("alice", "openid order:read offline_access").await;
    let others = proof(&auth, &elsewhere).await;
    for csrf in ["", "made-up", &others] {
        let form = [("csrf", csrf), ("session", "others"), ("client_id", "demo")];
        for path in ["/auth/account/sessions", "/auth/account/applications"] {
            auth.submit(path, &here, &form).await.expect(403);
        }
    }
    assert!(is_in(&auth, &elsewhere).await);
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.end().await;
}

#[tokio::test]
async fn a_code_that_races_with_the_end_of_its_session_gets_no_token_that_lives() {
    let auth = Auth::start().await;
    for _ in 0..5 {
        let (here, elsewhere) = (auth.log_in("alice").await, auth.log_in("alice").await);
        let form = [("csrf", &*proof(&auth, &here).await), ("session", "others")];
        let request = authorize(&[]);
        let asked = join_all((0..12).map(|_| auth.get(&request, &elsewhere)));
        let (asked, ended) = tokio::join!(asked, auth.submit("/auth/account/sessions", &here, &form));
        ended.expect(303);
        for code in asked.iter().filter_map(|answer| parameter(answer, "code")) {
            auth.redeem(&code).await.expect(400);
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_shown_escaped() {
    let auth = Auth::start().await;
    let (cookie, csrf) = auth.form("/auth/login").await;
    let form = [("csrf", csrf.as_str()), ("username", "alice"), ("password", "alice-demo-password")];
    let request = auth.client.request(reqwest::Method::POST, "/auth/login", "").header("cookie", cookie).form(&form);
    auth.client.send(request.header("user-agent", "<script>alert(1)</script>")).await.expect(303);
    let page = auth.get("/auth/account", &auth.log_in("alice").await).await.expect(200);
    assert!(page.body.contains("&#60;script&#62;") && !page.body.contains("<script"), "{}", page.body);
    auth.end().await;
}
