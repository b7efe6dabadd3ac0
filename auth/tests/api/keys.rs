//! Signing keys, and the start of the service.

use std::{collections::HashSet, sync::Arc};

use auth::{
    MIGRATOR,
    db::SealedKey,
    domain::SigningAlgorithm,
    keys::{PUBLISHED_AFTER, Schedule, Signer},
};
use axum::{Router, extract::FromRef, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use jsonwebtoken::{Algorithm, decode_header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
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
    wrong.keys.key_encryption_key = STANDARD.encode([8; 32]).into();
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
    let gone = "select count(*) from any_signing_key where retired_at is not null and sealed_private_key = ''";
    assert_eq!(auth.number(gone).await, 2);
    assert_eq!(auth.number("select count(*) from security_event where kind = 'key_retired'").await, 2);
    let mut db = auth.database.connect().await;
    let later = auth.clock.now() + Duration::days(31);
    while auth::db::delete_expired(&mut db, later).await.unwrap() {}
    assert_eq!(auth.number("select count(*) from any_signing_key").await, 2);
    auth.end().await;
}

#[tokio::test]
async fn keys_for_clients_that_want_rs256_come_and_go_like_the_others() {
    let auth = Auth::start().await;
    auth.change("demo", |client| client.signing.id_token = SigningAlgorithm::Rs256).await;
    let first = published_for(&auth, "RS256").await;
    let token = auth.tokens("alice", "openid").await;
    auth.clock.advance(Duration::days(30) - Duration::minutes(5));
    eventually(async || published_for(&auth, "RS256").await.len() == 2).await;
    let both = published_for(&auth, "RS256").await;
    assert!(both[1] == first[0] && signs(&auth).await == first[0], "the new key is only published yet");
    auth.clock.advance(Duration::minutes(5));
    assert_eq!(signs(&auth).await, both[0]);
    auth.verify_by(Algorithm::RS256, text(&token, "id_token"), "demo").await;
    auth.clock.advance(PUBLISHED_AFTER);
    eventually(async || published_for(&auth, "RS256").await == both[..1]).await;

    let olga = operator(&auth).await;
    auth.client.delete(&format!("{KEYS}/{}", both[0]), &olga).await.expect(204);
    let left = published_for(&auth, "RS256").await;
    assert!(left.len() == 1 && left[0] != both[0] && signs(&auth).await == left[0]);
    auth.end().await;
}

#[tokio::test]
async fn instances_that_start_together_make_one_key_for_rs256_and_nobody_waits_for_it() {
    let database = testkit::postgres::database(&[&MIGRATOR, &messaging::MIGRATOR]).await;
    let nats = testkit::nats::server().await;
    let config = config(&database, &nats);
    let (pool, schedule) = (database.pool().await, config.keys.schedule());
    let keys = async || {
        let count = sqlx::query_scalar::<_, i64>("select count(*) from rsa_signing_key");
        count.fetch_one(&mut database.connect().await).await.unwrap()
    };
    Signer::open(&pool, &[7; 32], Clock::system(), schedule).await.unwrap();
    assert_eq!(keys().await, 0, "what a start waits for makes the other key only");
    let started = join_all((0..4).map(|_| auth::start(&config, Clock::system()))).await;
    assert!(started.iter().all(Result::is_ok));
    eventually(async || keys().await == 1).await;
    // However many look again.
    let signer = Signer::attach(&pool, &[7; 32], Clock::system(), schedule).await.unwrap();
    signer.tend().await.unwrap();
    assert_eq!(keys().await, 1);
}

#[tokio::test]
async fn many_keys_of_one_algorithm_leave_none_of_the_other_out() {
    let key = |algorithm, kid: String, signs_from| SealedKey {
        algorithm,
        public_jwk: json!({ "kid": kid }),
        kid,
        sealed_private_key: Vec::new(),
        signs_from,
    };
    let now = Clock::system().now();
    for (many, few) in
        [(SigningAlgorithm::Es256, SigningAlgorithm::Rs256), (SigningAlgorithm::Rs256, SigningAlgorithm::Es256)]
    {
        let database = testkit::postgres::database(&[&MIGRATOR]).await;
        let mut db = database.connect().await;
        auth::db::insert_key(&mut db, &key(few, "the one".into(), now), now).await.unwrap();
        for nth in 1..=101 {
            let key = key(many, format!("{nth}"), now + Duration::seconds(nth));
            auth::db::insert_key(&mut db, &key, now).await.unwrap();
        }
        let published = auth::db::list_public_keys(&mut db).await.unwrap();
        assert!(published.contains(&json!({"kid": "the one"})) && published.contains(&json!({"kid": "101"})));
        let signing = auth::db::list_keys(&mut db).await.unwrap();
        assert!(signing.iter().any(|key| key.kid == "the one") && signing[0].kid == "101");
        assert_eq!((published.len(), signing.len()), (101, 101));
    }
}

#[tokio::test]
async fn the_command_rotates_the_keys_of_a_server_that_runs() {
    let auth = Auth::start().await;
    let before = [published(&auth).await, published_for(&auth, "RS256").await];
    let command = |encryption_key: [u8; 32]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_auth"));
        command.arg("rotate-keys").env_clear().kill_on_drop(true);
        command.env("DATABASE_URL", auth.database.settings().url.expose_secret());
        command.env("KEY_ENCRYPTION_KEY", STANDARD.encode(encryption_key)).env("KEY_PUBLISHED_BEFORE_S", "0");
        command
    };
    let refused = command([8; 32]).output().await.unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("KEY_ENCRYPTION_KEY"), "{said}");

    let done = command([7; 32]).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8(done.stderr).unwrap());
    let made: Vec<Value> =
        done.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let [ec, rsa] = ["ES256", "RS256"].map(|it| made.iter().find(|key| key["algorithm"] == it).unwrap());
    assert_eq!(made.len(), 2);
    // The server has not been told; it looks.
    eventually(async || signs(&auth).await == text(ec, "kid")).await;
    assert_eq!(published(&auth).await, [text(ec, "kid"), &before[0][0]]);
    assert_eq!(published_for(&auth, "RS256").await, [text(rsa, "kid"), &before[1][0]]);
    let by = "select count(*) from security_event where kind = 'key_made' and \"by\" = 'command'";
    assert_eq!(auth.number(by).await, 2);
    // The command knows no NATS: the server announces what it has done.
    let announced = "select count(*) from messaging.outbox where subject = 'auth.security.recorded.v1'
        and body #>> '{data,kind}' = 'key_made' and body #>> '{data,by}' = 'command' and published_at is not null";
    eventually(async || auth.number(announced).await == 2).await;
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
        // The first one for RS256 is made by the first round.
        for (table, keys) in [("signing_key", keys), ("rsa_signing_key", keys - 1)] {
            let sql = AssertSqlSafe(format!("select count(*) from {table}"));
            assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut db).await.unwrap(), keys, "{table}");
        }
    }
}

#[tokio::test]
async fn services_and_other_instances_follow_a_rotation_without_a_restart() {
    let auth = Auth::start_with(|config| config.keys.key_published_before_s = 0).await;
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
    assert_eq!(kid(&after), made_for(&made, "ES256"));
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
        kid(text(&other.send(request).await.expect(200).json(), "access_token")) == made_for(&made, "ES256")
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
    let of = |algorithm: &str| {
        let keys = listed["keys"].as_array().unwrap().iter().filter(|key| key["algorithm"] == algorithm);
        keys.map(|key| key["retired_at"].is_string()).collect::<Vec<_>>()
    };
    assert_eq!((of("ES256"), of("RS256")), (vec![false, true], vec![false]));
    let by = "select count(*) from security_event where kind like 'key%' and \"by\" is not null";
    assert_eq!(auth.number(by).await, 2);
    auth.end().await;
}

#[tokio::test]
async fn a_key_made_on_command_is_published_before_it_signs_too() {
    let auth = Auth::start().await;
    let (olga, before) = (operator(&auth).await, signs(&auth).await);
    let made = auth.client.post(KEYS, &olga, &Value::Null).await.expect(201).json();
    assert_eq!(published(&auth).await, [made_for(&made, "ES256"), &before]);
    assert_eq!(signs(&auth).await, before);
    auth.clock.advance(Duration::minutes(5));
    assert_eq!(signs(&auth).await, made_for(&made, "ES256"));
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
pub async fn a_service(auth: &Auth) -> Client {
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
    published_for(auth, "ES256").await
}

async fn published_for(auth: &Auth, algorithm: &str) -> Vec<String> {
    let set = auth.client.get("/auth/jwks", NOBODY).await.expect(200).json();
    let keys = set["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == algorithm);
    keys.map(|key| text(key, "kid").to_owned()).collect()
}

fn made_for<'a>(made: &'a Value, algorithm: &str) -> &'a str {
    let mut keys = made["keys"].as_array().unwrap().iter();
    text(keys.find(|key| key["algorithm"] == algorithm).expect("one of each"), "kid")
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
