//! Back-channel logout: what clients are told when a session ends.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use auth::{
    MIGRATOR, db,
    domain::{Logout, SigningAlgorithm},
};
use axum::{Form, Router, extract::State, http::StatusCode, routing::post};
use contracts::seed;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use testkit::{Clock, eventually};

use crate::started::{Auth, authorize, is_login, parameter, proof_in};

/// A client that is told.
#[derive(Clone, Default)]
struct Told {
    tokens: Arc<Mutex<Vec<String>>>,
    answers: Arc<AtomicU16>,
}

impl Told {
    /// Starts it, and registers it as where `demo` is told.
    async fn by(auth: &Auth) -> Self {
        let told = Self::default();
        told.answer(200);
        let router = Router::new()
            .route("/told", post(Self::hear))
            .route("/elsewhere", post(async || StatusCode::OK).get(async || StatusCode::OK))
            .with_state(told.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/told", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        auth.change("demo", |client| client.login.backchannel_logout_uri = Some(uri)).await;
        told
    }

    fn answer(&self, status: u16) {
        self.answers.store(status, Ordering::SeqCst);
    }

    #[expect(clippy::unused_async, reason = "handlers are")]
    async fn hear(
        State(told): State<Self>,
        Form(form): Form<Vec<(String, String)>>,
    ) -> (StatusCode, [(&'static str, &'static str); 1]) {
        let token = form.into_iter().find(|(name, _)| name == "logout_token").unwrap().1;
        told.tokens.lock().unwrap().push(token);
        let status = StatusCode::from_u16(told.answers.load(Ordering::SeqCst)).unwrap();
        (status, [("location", "/elsewhere")])
    }

    fn heard(&self) -> Vec<String> {
        self.tokens.lock().unwrap().clone()
    }
}

async fn left(auth: &Auth) -> i64 {
    auth.number("select count(*) from backchannel_logout").await
}

async fn log_out(auth: &Auth, cookie: &str) {
    let page = auth.get("/auth/logout", cookie).await.expect(200);
    auth.submit("/auth/logout", cookie, &[("csrf", &proof_in(&page.body))]).await.expect(200);
}

#[tokio::test]
async fn a_client_is_told_which_session_of_whom_has_ended() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    let cookie = auth.log_in("alice").await;
    let sid = auth.sid(&cookie).await;
    assert_eq!(auth.sid(&cookie).await, sid);
    log_out(&auth, &cookie).await;
    eventually(async || left(&auth).await == 0).await;
    let heard = told.heard();
    assert_eq!(heard.len(), 1, "once for each client, however much it was granted");
    let (typ, claims) = auth.verify(&heard[0], "demo").await;
    assert_eq!(typ, "logout+jwt");
    assert_eq!((&claims["sub"], &claims["sid"]), (&json!(seed::ALICE.to_string()), &json!(sid)));
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert!(claims["jti"].is_string() && claims.get("nonce").is_none(), "{claims}");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    auth.end().await;
}

#[tokio::test]
async fn what_a_client_is_told_is_signed_as_its_id_tokens_are() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    auth.change("demo", |client| client.signing.id_token = SigningAlgorithm::Rs256).await;
    let cookie = auth.log_in("alice").await;
    auth.get(&authorize(&[]), &cookie).await.expect(303);
    log_out(&auth, &cookie).await;
    eventually(async || told.heard().len() == 1).await;
    assert_eq!(auth.verify_by(Algorithm::RS256, &told.heard()[0], "demo").await.0, "logout+jwt");
    auth.end().await;
}

#[tokio::test]
async fn what_a_client_itself_has_named_is_called_only_if_it_is_not_inside() {
    let auth = Auth::start_with(|config| "https://shop.test".clone_into(&mut config.web.public_url)).await;
    let told = Told::by(&auth).await;
    let itself = "update client set registration_hash = sha256('x') where client_id = 'demo'";
    for (tries, sql) in [(0, itself), (1, "update client set registration_hash = null where client_id = 'demo'")] {
        sqlx::query(sql).execute(&mut auth.database.connect().await).await.unwrap();
        let cookie = auth.log_in("alice").await;
        auth.get(&authorize(&[]), &cookie).await.expect(303);
        log_out(&auth, &cookie).await;
        let tried = async || auth.number("select count(*) from backchannel_logout where attempts = 0").await == 0;
        // What was not called stays to be told.
        eventually(async || tried().await && told.heard().len() == tries && left(&auth).await == 1).await;
    }
    auth.end().await;
}

#[tokio::test]
async fn a_session_that_ends_in_any_other_way_is_told_of_too() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    // Ended from elsewhere.
    let (here, elsewhere) = (auth.log_in("alice").await, auth.log_in("alice").await);
    auth.sid(&elsewhere).await;
    let csrf = proof_in(&auth.get("/auth/account", &here).await.expect(200).body);
    auth.submit("/auth/account/sessions", &here, &[("csrf", &csrf), ("session", "others")]).await.expect(303);
    eventually(async || told.heard().len() == 1).await;
    // Another user logs in in the same browser.
    auth.sid(&here).await;
    auth.fill_in("/auth/login", &here, "bob").await;
    eventually(async || told.heard().len() == 2 && left(&auth).await == 0).await;
    auth.end().await;
}

#[tokio::test]
async fn who_was_granted_nothing_in_the_session_is_not_told() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    let (alice, bob) = (auth.log_in("alice").await, auth.log_in("bob").await);
    auth.sid(&bob).await;
    log_out(&auth, &alice).await;
    assert_eq!(left(&auth).await, 0);
    assert!(parameter(&auth.get(&authorize(&[]), &bob).await, "code").is_some());
    assert!(told.heard().is_empty());
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_does_not_take_it_is_told_again_with_the_same_id_and_not_for_ever() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    told.answer(503);
    let cookie = auth.log_in("alice").await;
    auth.sid(&cookie).await;
    log_out(&auth, &cookie).await;
    let mut ids = Vec::new();
    for attempt in 1..=6 {
        eventually(async || told.heard().len() == attempt).await;
        let (_, claims) = auth.verify(told.heard().last().unwrap(), "demo").await;
        ids.push(claims["jti"].clone());
        auth.clock.advance(time::Duration::hours(3));
    }
    assert!(ids.iter().all(|id: &Value| *id == ids[0]), "{ids:?}");
    eventually(async || left(&auth).await == 0).await;
    assert_eq!(told.heard().len(), 6);
    auth.end().await;
}

#[tokio::test]
async fn what_a_client_misses_while_it_is_down_it_is_told_when_it_is_back() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    told.answer(500);
    let cookie = auth.log_in("alice").await;
    auth.sid(&cookie).await;
    log_out(&auth, &cookie).await;
    assert!(is_login(&auth.get(&authorize(&[]), &cookie).await), "nobody waits for the client");
    eventually(async || told.heard().len() == 1).await;
    told.answer(204);
    auth.clock.advance(time::Duration::seconds(30));
    eventually(async || left(&auth).await == 0).await;
    assert_eq!(told.heard().len(), 2);
    auth.end().await;
}

#[tokio::test]
async fn a_redirect_of_a_client_is_not_followed() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    told.answer(307);
    let cookie = auth.log_in("alice").await;
    auth.sid(&cookie).await;
    log_out(&auth, &cookie).await;
    eventually(async || told.heard().len() == 1).await;
    assert_eq!(left(&auth).await, 1, "followed, it would have been taken");
    auth.end().await;
}

#[tokio::test]
async fn a_client_whose_tokens_are_long_gone_is_told_as_long_as_the_session_goes_on() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    let mut cookie = auth.log_in("alice").await;
    let sid = auth.sid(&cookie).await;
    // Two days in the same session, kept up by the password.
    for _ in 0..6 {
        auth.clock.advance(time::Duration::hours(8));
        cookie = auth.fill_in("/auth/login", &cookie, "alice").await.1;
    }
    let mut db = auth.database.connect().await;
    while db::delete_expired(&mut db, auth.clock.now()).await.unwrap() {}
    assert_eq!(auth.number("select count(*) from access_token").await, 0);
    log_out(&auth, &cookie).await;
    eventually(async || told.heard().len() == 1).await;
    let (_, claims) = auth.verify(&told.heard()[0], "demo").await;
    assert_eq!(claims["sid"], json!(sid));
    // And then the grant goes.
    while db::delete_expired(&mut db, auth.clock.now()).await.unwrap() {}
    assert_eq!(auth.number("select count(*) from authorization_grant").await, 0);
    auth.end().await;
}

#[tokio::test]
async fn one_client_with_much_to_be_told_does_not_keep_others_waiting() {
    // Without a running service, which would take them up as well.
    let database = testkit::postgres::database(&[&MIGRATOR]).await;
    let mut db = database.connect().await;
    let now = Clock::system().now();
    let rows = "with known as (
            insert into client (client_id, name, grant_types, redirect_uris, origins, scopes, plan, created_at)
            select name, name, '{}', '{}', '{}', '{}', 'free', $1 from unnest(array['slow', 'quick']) name
            returning client_id)
        insert into backchannel_logout (id, client_id, user_id, session_id, due_at)
        select gen_random_uuid(), client_id, gen_random_uuid(), gen_random_uuid(),
            $1 - make_interval(secs => case client_id when 'slow' then 60 else 0 end)
        from known, generate_series(1, 50) n where client_id = 'slow' or n <= 3";
    sqlx::query(rows).bind(now).execute(&mut db).await.unwrap();
    let room = |all, told| db::Room { all, per_client: 4, told };
    let taken = db::take_up_logouts(&mut db, &room(32, Vec::new()), now).await.unwrap();
    let of = |taken: &[Logout], client_id: &str| taken.iter().filter(|logout| logout.client_id == client_id).count();
    assert_eq!((of(&taken, "slow"), of(&taken, "quick")), (4, 3));
    // Nor does another instance tell the same meanwhile, however long that takes: five seconds each.
    let later = now + time::Duration::seconds(29);
    let others = db::take_up_logouts(&mut db, &room(32, Vec::new()), later).await.unwrap();
    assert!(others.len() == 4 && others.iter().all(|logout| taken.iter().all(|it| it.id != logout.id)), "{others:?}");
    // What is being told counts, and whoever is told least comes first, however long others have been waiting.
    sqlx::query("update backchannel_logout set due_at = $1 where client_id = 'quick'")
        .bind(now)
        .execute(&mut db)
        .await
        .unwrap();
    let busy = vec![("slow".to_owned(), 2), ("gone".to_owned(), 4)];
    let two = db::take_up_logouts(&mut db, &room(2, busy.clone()), now).await.unwrap();
    assert_eq!((of(&two, "slow"), of(&two, "quick")), (0, 2));
    let rest = db::take_up_logouts(&mut db, &room(32, busy), now).await.unwrap();
    assert_eq!((of(&rest, "slow"), of(&rest, "quick")), (2, 1));
    let full = db::take_up_logouts(&mut db, &room(32, vec![("slow".to_owned(), 4)]), now).await.unwrap();
    assert!(full.is_empty(), "{full:?}");
}

#[tokio::test]
async fn clients_that_never_answer_hold_up_nobody_else() {
    let auth = Auth::start().await;
    let told = Told::by(&auth).await;
    let silent = silence().await;
    // They have been waiting for longer, and there are more of them than are told at a time, also if each were told once.
    let rows = "with silent as (
            insert into client (client_id, name, grant_types, redirect_uris, origins, scopes, plan, created_at,
                backchannel_logout_uri)
            select 'silent-' || n, 'x', '{}', '{}', '{}', '{}', 'free', now(), $2 from generate_series(1, 40) n
            returning client_id)
        insert into backchannel_logout (id, client_id, user_id, session_id, due_at)
        select gen_random_uuid(), client_id, gen_random_uuid(), gen_random_uuid(), $1 - interval '1 hour'
        from silent, generate_series(1, 100)
        union all select gen_random_uuid(), 'demo', gen_random_uuid(), gen_random_uuid(), $1 from generate_series(1, 6)";
    let mut db = auth.database.connect().await;
    sqlx::query(rows).bind(auth.clock.now()).bind(silent).execute(&mut db).await.unwrap();
    eventually(async || told.heard().len() == 6).await;
    auth.end().await;
}

/// Where clients are asked that never answer.
async fn silence() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/silent", listener.local_addr().unwrap());
    let router = Router::new().route("/silent", post(std::future::pending::<()>));
    tokio::spawn(axum::serve(listener, router).into_future());
    uri
}
