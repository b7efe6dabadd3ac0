//! A connection whose other end is gone without a word.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use database::{Error, Pool, Settings, within};
use launch::link::{Link, Way};
use sqlx::PgConnection;
use testkit::postgres;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Less than it takes until a question is given up.
const SOON: Duration = Duration::from_secs(3);

/// A pool of one connection that goes over a link.
async fn pool() -> (Pool, Link, postgres::Database) {
    let database = postgres::database(&[]).await;
    let link = Link::to(port_of(&database.url)).unwrap();
    let settings = Settings::of(&elsewhere(&database.url, link.port()));
    let pool = Pool::open(&Settings { connections: 1, ..settings }).await.unwrap();
    (pool, link, database)
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
}

/// The same database by another port.
fn elsewhere(url: &str, port: u16) -> String {
    url.replacen(&format!(":{}/", port_of(url)), &format!(":{port}/"), 1)
}

async fn ask(db: &mut PgConnection) -> database::Result<i32> {
    Ok(sqlx::query_scalar("select 1").fetch_one(db).await?)
}

async fn answered_soon(pool: &Pool) -> bool {
    let asked = Box::pin(async { ask(&mut *pool.get().await?).await });
    timeout(SOON, asked).await.expect("it is answered soon").is_ok()
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_given_up_and_the_next_one_is_answered() {
    let (pool, link, _database) = pool().await;
    link.set(Way::HalfOpen);
    let silent = within(async { ask(&mut *pool.get().await?).await }).await.unwrap_err();
    assert!(matches!(silent, Error::Silent) && silent.unavailable(), "{silent}");
    link.set(Way::Open);
    assert!(answered_soon(&pool).await);
}

#[tokio::test]
async fn a_connection_that_came_back_unanswered_is_checked_before_it_is_lent_again() {
    let (pool, link, _database) = pool().await;
    link.set(Way::HalfOpen);
    let given_up = timeout(Duration::from_millis(1_200), async { ask(&mut *pool.get().await?).await }).await;
    assert!(given_up.is_err(), "{given_up:?}");
    link.set(Way::Open);
    assert!(answered_soon(&pool).await);
}

#[tokio::test]
async fn the_locks_of_a_transaction_that_nobody_ends_are_free_again() {
    let (pool, link, database) = pool().await;
    let mut other = database.connect().await;
    sqlx::raw_sql("create table parcel (id int); insert into parcel values (1)").execute(&mut other).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql("select from parcel for update").execute(&mut *tx).await.unwrap();
    link.set(Way::HalfOpen);
    let lock = sqlx::raw_sql("select from parcel for update").execute(&mut other);
    timeout(Duration::from_secs(20), lock).await.expect("the lock is free").unwrap();
    link.set(Way::Open);
    let lost = sqlx::raw_sql("select").execute(&mut *tx);
    // The process that had it may not know yet.
    assert!(!timeout(SOON, lost).await.is_ok_and(|done| done.is_ok()));
}

#[tokio::test]
async fn a_start_that_nobody_answers_is_tried_again() {
    let database = postgres::database(&[]).await;
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = elsewhere(&database.url, door.local_addr().unwrap().port());
    let started = tokio::spawn(async move { database::migrate(&Settings::of(&url), &[]).await });
    // The first attempt is accepted, and nobody answers.
    let (_unanswered, _) = door.accept().await.unwrap();
    let (mut near, _) = timeout(Duration::from_secs(20), door.accept()).await.expect("it tries again").unwrap();
    let mut far = TcpStream::connect(("127.0.0.1", port_of(&database.url))).await.unwrap();
    tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
    started.await.unwrap().unwrap();
}
