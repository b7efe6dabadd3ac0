//! Signing keys, and the start of the service.

use std::{collections::HashSet, sync::Arc};

use auth::{
    MIGRATOR,
    keys::{PUBLISHED_AFTER, Schedule, Signer},
};
use axum::{Router, extract::FromRef, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use jsonwebtoken::decode_header;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use testkit::{Client, Clock, NOBODY, eventually};
use time::Duration;
use web::{Authenticated, Verifier};

use crate::started::{Auth, ISSUER, config, text};

const KEYS: &str = "/auth/v1/signing-keys";

#[tokio::test]
async fn instances_that_start_together_make_one_key_and_the_same_clients_and_users() {
    let (database, nats) = (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await);
    let config = config(&database, &nats);
    let started = join_all((0..4).map(|_| auth::start(&config, Clock::system()))).await;
    assert!(started.iter().all(Result::is_ok));
    let mut db = database.connect().await;
    for (table, rows) in [("signing_key", 1), ("client", 5), ("end_user", 5)] {
        let sql = AssertSqlSafe(format!("select count(*) from {table}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut db).await.unwrap(), rows, "{table}");
    }
}

#[tokio::test]
async fn of_many_that_find_no_key_at_the_same_time_one_makes_it() {
    let database = testkit::postgres::database(&[&MIGRATOR, &messaging::MIGRATOR]).await;
    let pool = database.pool().await;
    // Connected beforehand, so that all ask at once.
    drop(join_all((0..8).map(|_| pool.get())).await);
    let schedule = Schedule { signs_for: Duration::days(30), published_before: Duration::minutes(5) };
    let opened = join_all((0..8).map(|_| Signer::open(&pool, &[7; 32], Clock::system(), schedule))).await;
    assert!(opened.iter().all(Result::is_ok));
    let keys = sqlx::query_scalar::<_, i64>("select count(*) from signing_key");
    assert_eq!(keys.fetch_one(&mut database.connect().await).await.unwrap(), 1);
}

#[tokio::test]
async fn tokens_of_one_instance_are_good_at_another_and_after_a_restart() {
    let auth = Auth::start().await;
    let (service, router) = auth::start(&config(&auth.database, &auth.nats), Clock::system()).await.unwrap();
    let other = testkit::Client::new(&service.handle().unwrap().address);
    let (handle, _) = (service.handle().unwrap(), tokio::spawn(service.serve(router)));
    let tokens = auth.tokens("alice", "openid").await;
    other.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200);
    handle.stop();
    auth.end().await;
}

#[tokio::test]
async fn the_service_does_not_start_with_another_encryption_key() {
    let auth = Auth::start().await;
    let mut wrong = config(&auth.database, &auth.nats);
    wrong.key_encryption_key = STANDARD.encode([8; 32]).into();
    let error = auth::start(&wrong, Clock::system()).await.err().expect("it must not start");
    assert!(error.to_string().contains("KEY_ENCRYPTION_KEY"), "{error}");
    auth.end().await;
}

#[tokio::test]
async fn without_the_demonstration_there_are_no_users_and_only_the_systems_own_clients() {
    let (database, nats) = (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await);
    let mut config = config(&database, &nats);
    config.seed = None;
    drop(auth::start(&config, Clock::system()).await.unwrap());
    let mut db = database.connect().await;
    let users: i64 = sqlx::query_scalar("select count(*) from end_user").fetch_one(&mut db).await.unwrap();
    let clients: Vec<String> = sqlx::query_scalar("select client_id from client").fetch_all(&mut db).await.unwrap();
    assert_eq!(users, 0);
    assert_eq!(HashSet::from_iter(clients), HashSet::from(["gateway".to_owned(), "order".to_owned()]));
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_as_long_as_anything_it_signed_may_live() {
    let auth = Auth::start().await;
    let first = published(&auth).await;
    let token = auth.tokens("alice", "openid order:read").await;
    auth.clock.advance(Duration::days(30) - Duration::minutes(5));
    eventually(async || published(&auth).await.len() == 2).await;
    let both = published(&auth).await;
    assert_eq!(both[1], first[0], "the new key comes first");
    assert_eq!(signs(&auth).await, first[0], "it is only published yet");
    auth.clock.advance(Duration::minutes(5));
    assert_eq!(signs(&auth).await, both[0]);
    auth.verify(text(&token, "id_token"), "demo").await;

    auth.clock.advance(PUBLISHED_AFTER - Duration::minutes(1));
    assert_eq!(published(&auth).await, both);
    auth.clock.advance(Duration::minutes(1));
    eventually(async || published(&auth).await == both[..1]).await;
    let gone = "select count(*) from signing_key where retired_at is not null and sealed_private_key = ''";
    assert_eq!(auth.number(gone).await, 1);
    assert_eq!(auth.number("select count(*) from security_event where kind = 'key_retired'").await, 1);
    let mut db = auth.database.connect().await;
    let later = auth.clock.now() + Duration::days(31);
    while auth::db::delete_expired(&mut db, later).await.unwrap() {}
    assert_eq!(auth.number("select count(*) from signing_key").await, 1);
    auth.end().await;
}

#[tokio::test]
async fn of_many_instances_that_find_it_is_time_one_makes_a_key() {
    let database = testkit::postgres::database(&[&MIGRATOR, &messaging::MIGRATOR]).await;
    let (pool, clock) = (database.pool().await, Clock::system());
    let schedule = Schedule { signs_for: Duration::days(30), published_before: Duration::minutes(5) };
    let signers = join_all((0..8).map(|_| Signer::open(&pool, &[7; 32], clock.clone(), schedule))).await;
    let signers: Vec<_> = signers.into_iter().map(|signer| Arc::new(signer.unwrap())).collect();
    let mut db = database.connect().await;
    for keys in 2..4 {
        clock.advance(Duration::days(30));
        let tended = join_all(signers.iter().map(|signer| signer.tend())).await;
        assert!(tended.iter().all(Result::is_ok));
        let made: i64 = sqlx::query_scalar("select count(*) from signing_key").fetch_one(&mut db).await.unwrap();
        assert_eq!(made, keys);
    }
}

#[tokio::test]
async fn services_and_other_instances_follow_a_rotation_without_a_restart() {
    let auth = Auth::start_with(|config| config.key_published_before_s = 0).await;
    let (service, router) = auth::start(&config(&auth.database, &auth.nats), Clock::system()).await.unwrap();
    let other = Client::new(&service.handle().unwrap().address);
    let (handle, _) = (service.handle().unwrap(), tokio::spawn(service.serve(router)));
    let order = a_service(&auth).await;
    let token = auth.tokens("alice", "openid order:read").await;
    let before = jwt(&auth, text(&token, "access_token")).await;
    order.get("/", &before).await.expect(200);

    let olga = operator(&auth).await;
    let made = auth.client.post(KEYS, &olga, &Value::Null).await.expect(201).json();
    let after = jwt(&auth, text(&token, "access_token")).await;
    assert_eq!(kid(&after), text(&made, "kid"));
    assert_ne!(kid(&before), kid(&after));
    order.get("/", &before).await.expect(200);
    // Keys that are not known are asked for every two seconds at the most.
    eventually(async || order.get("/", &after).await.status == 200).await;
    eventually(async || {
        let form = [
            ("grant_type", crate::started::EXCHANGE),
            ("audience", "order"),
            ("subject_token", text(&token, "access_token")),
            ("subject_token_type", crate::started::ACCESS_TOKEN),
        ];
        let request = other.request(reqwest::Method::POST, "/auth/token", NOBODY);
        let request = request.basic_auth("gateway", Some(crate::started::secret("gateway"))).form(&form);
        kid(text(&other.send(request).await.expect(200).json(), "access_token")) == text(&made, "kid")
    })
    .await;
    handle.stop();
    auth.end().await;
}

#[tokio::test]
async fn a_key_that_somebody_else_may_have_is_taken_out_at_once_and_another_one_signs() {
    let auth = Auth::start().await;
    let token = auth.tokens("alice", "openid order:read").await;
    let olga = operator(&auth).await;
    let stolen = published(&auth).await.remove(0);
    auth.client.delete(&format!("{KEYS}/{stolen}"), &olga).await.expect(204);
    let left = published(&auth).await;
    assert!(left.len() == 1 && left[0] != stolen);
    assert_eq!(kid(&jwt(&auth, text(&token, "access_token")).await), left[0]);
    auth.client.delete(&format!("{KEYS}/{stolen}"), &olga).await.expect(404);
    auth.client.delete(&format!("{KEYS}/unknown"), &olga).await.expect(404);
    let listed = auth.client.get(KEYS, &olga).await.expect(200).json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    assert!(listed["keys"][0]["retired_at"].is_null() && listed["keys"][1]["retired_at"].is_string());
    let by = "select count(*) from security_event where kind like 'key%' and \"by\" is not null";
    assert_eq!(auth.number(by).await, 2);
    auth.end().await;
}

#[tokio::test]
async fn only_operators_change_the_keys() {
    let auth = Auth::start().await;
    let sam = text(&auth.tokens("sam", "openid auth:operate").await, "access_token").to_owned();
    for token in [NOBODY, &sam] {
        let status = if token == NOBODY { 401 } else { 403 };
        auth.client.get(KEYS, token).await.expect(status);
        auth.client.post(KEYS, token, &Value::Null).await.expect(status);
        auth.client.delete(&format!("{KEYS}/x"), token).await.expect(status);
    }
    assert_eq!(published(&auth).await.len(), 1);
    auth.end().await;
}

/// A service that lets in who has a JWT for `order`.
async fn a_service(auth: &Auth) -> Client {
    #[derive(Clone, FromRef)]
    struct App(Verifier);
    let app = App(Verifier::new("order", ISSUER, &format!("{}/auth", auth.address)));
    let router = Router::new().route("/", get(async |_: Authenticated| "in")).with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    Client::new(&address)
}

async fn operator(auth: &Auth) -> String {
    text(&auth.tokens("olga", "openid auth:operate").await, "access_token").to_owned()
}

async fn published(auth: &Auth) -> Vec<String> {
    let set = auth.client.get("/auth/jwks", NOBODY).await.expect(200).json();
    set["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect()
}

async fn jwt(auth: &Auth, token: &str) -> String {
    text(&auth.exchange(token, "order").await.expect(200).json(), "access_token").to_owned()
}

async fn signs(auth: &Auth) -> String {
    kid(text(&auth.tokens("bob", "openid").await, "id_token"))
}

fn kid(jwt: &str) -> String {
    decode_header(jwt).unwrap().kid.unwrap()
}
