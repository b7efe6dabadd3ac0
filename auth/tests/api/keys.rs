//! Signing keys, and the start of the service.

use std::collections::HashSet;

use auth::{MIGRATOR, keys::Signer};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use sqlx::AssertSqlSafe;
use testkit::Clock;

use crate::started::{Auth, config, text};

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
    let opened = join_all((0..8).map(|_| Signer::open(&pool, &[7; 32], Clock::system().now()))).await;
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
