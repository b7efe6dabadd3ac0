//! A database per test, and nobody else's.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use database::{Pool, Settings};
use sqlx::{Connection, PgConnection, migrate::Migrator};
use testkit::{eventually, postgres::database};

static MIGRATOR: Migrator = sqlx::migrate!("tests/migrations");

#[tokio::test]
async fn each_test_has_the_migrated_schema_and_its_own_rows() {
    let all: &[&Migrator] = &[&MIGRATOR];
    let (one, two) = tokio::join!(database(all), database(all));
    let (mut one, mut two) = (one.connect().await, two.connect().await);
    sqlx::raw_sql("INSERT INTO thing VALUES (2, 'mine')").execute(&mut one).await.unwrap();
    let things = "SELECT things()";
    assert_eq!(sqlx::query_scalar::<_, i64>(things).fetch_one(&mut one).await.unwrap(), 2);
    assert_eq!(sqlx::query_scalar::<_, i64>(things).fetch_one(&mut two).await.unwrap(), 1);
}

#[tokio::test]
async fn the_role_owns_what_was_migrated_and_may_migrate_further() {
    let database = database(&[&MIGRATOR]).await;
    let mut db = database.connect().await;
    let change = "ALTER TABLE thing ADD price bigint; DROP TABLE side.note; CREATE TABLE more (); CREATE SCHEMA other;";
    sqlx::raw_sql(change).execute(&mut db).await.unwrap();
    // The migrations were recorded, so a service that starts finds nothing to do.
    database::migrate(&database.settings(), &[&MIGRATOR]).await.unwrap();
}

#[tokio::test]
async fn an_older_program_runs_on_what_a_newer_one_has_migrated() {
    let database = database(&[&MIGRATOR]).await;
    let older = Migrator::with_migrations(Vec::new());
    database::migrate(&database.settings(), &[&older]).await.expect("the older program starts");
    let applied = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM _sqlx_migrations");
    assert_eq!(applied.fetch_one(&mut database.connect().await).await.unwrap(), 1);
}

/// Everything before the database's name, and the name.
fn parted(url: &str) -> (&str, &str) {
    url.rsplit_once('/').unwrap_or_default()
}

#[tokio::test]
async fn the_role_of_one_test_cannot_connect_to_the_database_of_another() {
    let (one, two) = (database(&[&MIGRATOR]).await, database(&[]).await);
    let foreign = format!("{}/{}", parted(&one.url).0, parted(&two.url).1);
    let error = PgConnection::connect(&foreign).await.unwrap_err();
    let code = error.as_database_error().and_then(|it| it.code().map(std::borrow::Cow::into_owned));
    assert_eq!(code.as_deref(), Some("42501"), "{error}");
}

#[tokio::test]
async fn a_process_has_all_its_connections_before_the_first_request() {
    let database = database(&[]).await;
    let _pool = Pool::open(&Settings { at_once: true, connections: 5, ..database.settings() }).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let open = sqlx::query_scalar::<_, i64>(open).fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(open, 5);
}

// Counted, since the time it takes depends on how busy the process is.
#[tokio::test]
async fn a_login_takes_few_turns_of_its_process() {
    let (database, mut turns) = (database(&[]).await, 0);
    let settings = database.settings();
    let mut open = pin!(Pool::open(&settings));
    let opened = poll_fn(|context| {
        turns += 1;
        open.as_mut().poll(context)
    });
    opened.await.unwrap();
    assert!(turns < 200, "{turns}");
}

#[tokio::test]
async fn a_cut_connection_is_noticed() {
    let database = database(&[]).await;
    let mut db = database.connect().await;
    database.cut_connections().await;
    assert!(db.ping().await.is_err());
}

#[tokio::test]
async fn a_database_goes_after_its_test() {
    let database = database(&[]).await;
    let url = database.url.clone();
    drop(database);
    eventually(async || PgConnection::connect(&url).await.is_err()).await;
}
