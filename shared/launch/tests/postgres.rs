//! A private PostgreSQL cluster behaves as its users rely on.

use launch::postgres::Cluster;
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn a_role_reaches_its_own_database_only() {
    let cluster = Cluster::temporary().await.unwrap();
    let access = cluster.access();
    let inventory = access.create_service_database("inventory", "one").await.unwrap();
    access.create_service_database("accounting", "two").await.unwrap();

    PgConnection::connect(&inventory).await.unwrap();
    for other in ["accounting", "postgres", "template1"] {
        let error = PgConnection::connect(&access.url("inventory", "one", other)).await.unwrap_err();
        let code = error.as_database_error().and_then(|it| it.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{other}: {error}");
    }
}

#[tokio::test]
async fn a_role_logs_in_with_its_password_only() {
    let cluster = Cluster::temporary().await.unwrap();
    let access = cluster.access();
    access.create_service_database("inventory", "one").await.unwrap();
    assert!(PgConnection::connect(&access.url("inventory", "wrong", "inventory")).await.is_err());
}

#[tokio::test]
async fn making_a_database_again_keeps_what_is_in_it() {
    let cluster = Cluster::temporary().await.unwrap();
    let access = cluster.access();
    let url = access.create_service_database("store", "one").await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 7 AS n").execute(&mut db).await.unwrap();

    let url = access.create_service_database("store", "two").await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    let n: i32 = sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut db).await.unwrap();
    assert_eq!(n, 7);
}

#[tokio::test]
async fn a_killed_cluster_comes_back_on_its_port_with_what_was_committed() {
    let cluster = Cluster::temporary().await.unwrap();
    let access = cluster.access();
    let url = access.create_service_database("store", "one").await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 7 AS n").execute(&mut db).await.unwrap();

    cluster.kill();
    assert!(sqlx::query("SELECT 1").execute(&mut db).await.is_err());
    for immediate in [true, false] {
        cluster.restart(immediate).await.unwrap();
        let mut db = PgConnection::connect(&url).await.unwrap();
        let n: i32 = sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut db).await.unwrap();
        assert_eq!(n, 7);
    }
}

#[tokio::test]
async fn a_durable_cluster_is_found_again_with_its_data() {
    let directory = launch::Temporary::new("durable").unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("log"));
    let cluster = Cluster::durable(&data, &log, "secret").await.unwrap();
    let place = cluster.data().to_owned();
    cluster.access().create_service_database("store", "one").await.unwrap();
    drop(cluster);

    let cluster = Cluster::durable(&data, &log, "secret").await.unwrap();
    assert_eq!(cluster.data(), place);
    PgConnection::connect(&cluster.access().url("store", "one", "store")).await.unwrap();
}
