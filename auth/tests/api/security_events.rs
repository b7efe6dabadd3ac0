//! `/auth/v1/security-events`: what happened, for whoever watches over the suite.

use std::{pin::pin, time::Duration};

use contracts::{auth::SecurityRecorded, seed};
use futures::StreamExt;
use messaging::Heard;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{NOBODY, eventually};
use tokio::time::timeout;

use crate::started::{Auth, VERIFIER, authorize, cookie_of, fault, parameter, secret, text};

const SCOPE: &str = "openid order:read offline_access";
const EVENTS: &str = "/auth/v1/security-events";

#[tokio::test]
async fn each_thing_that_happens_to_a_user_is_recorded_and_announced() {
    let auth = Auth::start().await;
    let heard = messaging::broadcast::<SecurityRecorded>("test", &auth.nats.url()).await.unwrap();
    let mut heard = pin!(heard);
    assert!(matches!(heard.next().await, Some(Heard::Listening)));
    let (cookie, proof) = auth.form("/auth/login").await;
    let wrong = [("csrf", proof.as_str()), ("username", "alice"), ("password", "guess")];
    auth.submit("/auth/login", &cookie, &wrong).await.expect(403);
    let tokens = auth.tokens("alice", SCOPE).await;
    let refresh_token = text(&tokens, "refresh_token");
    auth.refresh(refresh_token).await.expect(200);
    assert_eq!(fault(&auth.refresh(refresh_token).await.expect(400)), "invalid_grant");
    let cookie = auth.log_in("alice").await;
    let page = auth.get("/auth/logout", &cookie).await.expect(200);
    auth.submit("/auth/logout", &cookie, &[("csrf", &crate::started::proof_in(&page.body))]).await.expect(200);

    let olga = operator(&auth).await;
    let alice = format!("{EVENTS}?subject={}", seed::ALICE);
    let listed = auth.client.get(&alice, &olga).await.expect(200).json();
    let kinds = ["logout", "login", "reuse", "granted", "login", "login_failed"];
    assert_eq!(kinds_of(&listed["items"]), kinds);
    let (reuse, granted) = (&listed["items"][2], &listed["items"][3]);
    assert_eq!((&reuse["client_id"], &reuse["grant_id"]), (&json!("demo"), &granted["grant_id"]));
    assert_eq!(listed["items"][5]["address"], "127.0.0.1");

    let mut announced = Vec::new();
    while announced.len() < kinds.len() {
        let next = timeout(Duration::from_secs(10), heard.next()).await.expect("announced in time");
        let Some(Heard::Event(event)) = next else { panic!("the bus is gone") };
        announced.extend((event.subject == Some(seed::ALICE.to_string())).then_some(event.kind));
    }
    announced.reverse();
    assert_eq!(announced, kinds);
    auth.end().await;
}

#[tokio::test]
async fn what_machines_are_given_and_what_is_taken_from_them_is_recorded() {
    let auth = Auth::start().await;
    let token = auth.client_credentials("order", &[]).await.expect(200).json();
    for _ in 0..2 {
        auth.submit_as("order", "/auth/revoke", &[("token", text(&token, "access_token"))]).await.expect(200);
    }
    let olga = operator(&auth).await;
    let listed = auth.client.get(&format!("{EVENTS}?subject=client:order"), &olga).await.expect(200).json();
    assert_eq!(kinds_of(&listed["items"]), ["revoked", "granted"], "a dead token is not revoked again");
    let keys = auth.client.get(&format!("{EVENTS}?kind=key_made"), &olga).await.expect(200).json();
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
    auth.end().await;
}

#[tokio::test]
async fn what_costs_its_asker_nothing_does_not_make_the_record_grow() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let granted = async || auth.number("select count(*) from security_event where kind = 'granted'").await;
    for _ in 0..5 {
        let answer = auth.get(&authorize(&[("prompt", "none")]), &cookie).await.expect(303);
        assert!(parameter(&answer, "code").is_some());
        auth.client_credentials("order", &[]).await.expect(200);
    }
    assert_eq!(granted().await, 1, "the machine's first token, and no code that nobody has redeemed");
    auth.client_credentials("order", &[("scope", "store:read")]).await.expect(200);
    auth.tokens("alice", SCOPE).await;
    assert_eq!(granted().await, 3, "other scopes, and a code that was redeemed");
    auth.end().await;
}

#[tokio::test]
async fn clients_that_cannot_say_who_they_are_are_recorded_and_a_flood_of_them_leaves_few_rows() {
    fn form<'a>(client_id: &'a str, secret: &'a str) -> [(&'a str, &'a str); 3] {
        [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)]
    }
    let auth = Auth::start().await;
    // At each endpoint: a wrong secret, and the name of a client that has one without it.
    for path in ["/auth/token", "/auth/par", "/auth/introspect", "/auth/revoke", "/auth/device_authorization"] {
        let more = [("client_id", "order"), ("token", "x"), ("grant_type", "client_credentials")];
        auth.submit(path, "", &more).await.expect(401);
    }
    for nth in 0..200 {
        auth.token(&form("order", "guess")).await.expect(401);
        auth.token(&form(&format!("made-up-{nth}"), "guess")).await.expect(401);
    }
    // What is malformed was nobody, and who is right has not failed.
    auth.token(&[&form("order", &secret("order"))[..], &[("client_id", "order")]].concat()).await.expect(400);
    auth.client_credentials("order", &[]).await.expect(200);
    let times = "select coalesce(sum(replace(detail, 'times: ', '')::bigint), 0)::bigint from security_event
        where kind = 'client_failed' and address = '127.0.0.1'";
    // Once a minute each: what came after the first row follows.
    eventually(async || auth.number(times).await >= 1).await;
    auth.clock.advance(time::Duration::minutes(1));
    eventually(async || auth.number(times).await == 405).await;
    let of_order = format!("{times} and client_id = 'order' and subject = 'client:order'");
    assert_eq!(auth.number(&of_order).await, 205);
    assert_eq!(auth.number(&format!("{times} and client_id is null and subject is null")).await, 200);
    let rows = auth.number("select count(*) from security_event where kind = 'client_failed'").await;
    assert!((2..=4).contains(&rows), "{rows}");
    let announced = "select count(*) from messaging.outbox where body #>> '{data,kind}' = 'client_failed'";
    assert_eq!(auth.number(announced).await, rows);
    auth.end().await;
}

#[tokio::test]
async fn how_often_a_client_failed_is_recorded_though_the_database_refuses_at_first_and_the_service_stops_then() {
    let auth = Auth::start().await;
    // What is refused is rolled back, but for the sequence.
    let refuse = "create sequence asked;
        create function refuse_first() returns trigger language plpgsql as
            $$ begin if nextval('asked') = 1 then raise 'not now'; end if; return new; end $$;
        create trigger refuse_first before insert on security_event
            for each row when (new.kind = 'client_failed') execute function refuse_first()";
    sqlx::raw_sql(refuse).execute(&mut auth.database.connect().await).await.unwrap();
    let fail = async || auth.token(&[("grant_type", "client_credentials"), ("client_id", "order")]).await.expect(401);
    let times = "select coalesce(sum(replace(detail, 'times: ', '')::bigint), 0)::bigint from security_event
        where kind = 'client_failed' and client_id = 'order'";
    fail().await;
    eventually(async || auth.number(times).await == 1).await;
    // Within the minute after that row.
    fail().await;
    fail().await;
    auth.stop();
    eventually(async || auth.number(times).await == 3).await;
}

#[tokio::test]
async fn what_is_older_than_the_setting_says_is_forgotten_and_nobody_takes_out_what_is_younger() {
    let auth = Auth::start_with(|config| config.security_event_days = 40).await;
    let mut db = auth.database.connect().await;
    let rows = "insert into security_event (id, kind, at)
        select gen_random_uuid(), 'aged', now() - make_interval(days => days) + make_interval(mins => days - 39)
        from generate_series(1, 90) days";
    sqlx::query(rows).execute(&mut db).await.unwrap();
    let refused = "delete from security_event where kind = 'aged' and at > now() - interval '41 days'";
    assert!(sqlx::query(refused).execute(&mut db).await.unwrap_err().to_string().contains("append-only"));
    // However late this service's clock says that it is.
    while auth::db::delete_expired(&mut db, auth.clock.now() + time::Duration::days(1000)).await.unwrap() {}
    let aged = async |more: &str| {
        auth.number(&format!("select count(*) from security_event where kind = 'aged' and {more}")).await
    };
    assert_eq!((aged("true").await, aged("at < now() - interval '40 days'").await), (40, 0));
    for youngest in [29, 0, -1] {
        let shorter = format!("update security_event_retention set days = {youngest}");
        assert!(sqlx::query(AssertSqlSafe(shorter)).execute(&mut db).await.is_err());
    }
    // Without any setting, nothing goes that the default would keep.
    sqlx::query("delete from security_event_retention").execute(&mut db).await.unwrap();
    assert_eq!(auth::db::forget_security_events(&mut db, 1000).await.unwrap(), 0);
    auth.end().await;
}

#[tokio::test]
async fn the_database_refuses_to_change_what_was_recorded() {
    let auth = Auth::start().await;
    auth.log_in("alice").await;
    let mut db = auth.database.connect().await;
    for change in ["update security_event set kind = 'x'", "delete from security_event", "truncate security_event"] {
        let refused = sqlx::query(change).execute(&mut db).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    assert!(auth.number("select count(*) from security_event where kind = 'login'").await > 0);
    auth.end().await;
}

#[tokio::test]
async fn pages_cover_what_was_recorded_without_gap_or_repetition() {
    let auth = Auth::start().await;
    for _ in 0..7 {
        auth.client_credentials("order", &[]).await.expect(200);
        auth.clock.advance(time::Duration::minutes(15));
    }
    let olga = operator(&auth).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("{EVENTS}?subject=client:order&limit=3{after}");
        let page = auth.client.get(&path, &olga).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|event| text(event, "id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|earlier, later| earlier > later), "the latest first, none twice");
    auth.end().await;
}

#[tokio::test]
async fn only_operators_read_it() {
    let auth = Auth::start().await;
    auth.client.get(EVENTS, NOBODY).await.expect(401);
    auth.client.get(EVENTS, "rat_made-up").await.expect(401);
    for user in ["alice", "sam"] {
        let tokens = auth.tokens(user, "openid auth:operate").await;
        assert_eq!(tokens["scope"], "openid");
        auth.client.get(EVENTS, text(&tokens, "access_token")).await.expect(403);
    }
    // Nor an operator who has not let the client act so, nor a machine that may not.
    for tokens in [
        auth.tokens("olga", "openid order:read").await,
        auth.client_credentials("reporting", &[]).await.expect(200).json(),
    ] {
        auth.client.get(EVENTS, text(&tokens, "access_token")).await.expect(403);
    }
    let olga = operator(&auth).await;
    auth.client.get(EVENTS, &olga).await.expect(200);
    for wrong in ["limit=0", "limit=101", "after=x", "subject=%00", "kind=%FF"] {
        auth.client.get(&format!("{EVENTS}?{wrong}"), &olga).await.expect(400);
    }
    // Who is no operator any more is none at once, and not only when the token ends.
    let mut db = auth.database.connect().await;
    sqlx::query("update end_user set roles = '{staff}' where username = 'olga'").execute(&mut db).await.unwrap();
    auth.client.get(EVENTS, &olga).await.expect(403);
    auth.end().await;
}

#[tokio::test]
async fn no_secret_and_no_name_that_was_typed_is_recorded_or_announced() {
    let auth = Auth::start().await;
    let (cookie, proof) = auth.form("/auth/login").await;
    let typed = [("csrf", proof.as_str()), ("username", "my-password-in-the-wrong-field"), ("password", "hunter2")];
    let answer = auth.submit("/auth/login", &cookie, &typed).await.expect(403);
    let code = auth.code("alice", SCOPE).await;
    let tokens = auth.redeem(&code).await.expect(200).json();
    auth.refresh(text(&tokens, "refresh_token")).await.expect(200);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(400);
    let stored: Vec<String> = sqlx::query_scalar(AssertSqlSafe(
        "select e::text from security_event e
         union all select body::text from messaging.outbox where subject = 'auth.security.recorded.v1'",
    ))
    .fetch_all(&mut auth.database.connect().await)
    .await
    .unwrap();
    assert!(stored.len() > 8);
    let stored = stored.join("\n");
    let cookie = cookie_of(&answer).unwrap_or(cookie).split_once('=').unwrap().1.to_owned();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let order = secret("order");
    for secret in ["my-password", "hunter2", VERIFIER, &code, access, refresh, &cookie, &order, "demo-password"] {
        assert!(!stored.contains(secret), "{secret}");
    }
    auth.end().await;
}

/// An access token with which olga operates this service.
async fn operator(auth: &Auth) -> String {
    text(&auth.tokens("olga", "openid auth:operate").await, "access_token").to_owned()
}

fn kinds_of(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| text(event, "kind")).collect()
}
