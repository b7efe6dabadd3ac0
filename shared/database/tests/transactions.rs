//! Transactions end as they say, whatever became of their statements and of the way to PostgreSQL.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use database::{Pool, Settings};
use testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
};

async fn count(pool: &Pool) -> i64 {
    sqlx::query_scalar("select count(*) from note").fetch_one(&mut *pool.get().await.unwrap()).await.unwrap()
}

async fn with_table(pool: &Pool) {
    sqlx::raw_sql("create table note (text text primary key)")
        .execute(&mut *pool.single("make table").await.unwrap())
        .await
        .unwrap();
}

const WRITE: &str = "insert into note values ('written')";

#[tokio::test]
async fn the_commit_of_a_failed_transaction_is_an_error_and_the_connection_is_not_used_again() {
    let database = testkit::postgres::database(&[]).await;
    let pool = Pool::open(&Settings { connections: 1, ..database.settings() }).await.unwrap();
    with_table(&pool).await;
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql(WRITE).execute(&mut *tx).await.unwrap();
    sqlx::raw_sql(WRITE).execute(&mut *tx).await.unwrap_err();
    // PostgreSQL would answer a plain COMMIT with ROLLBACK and no error.
    assert_eq!(tx.commit("write").await.unwrap_err().code().as_deref(), Some("25P02"));
    assert_eq!(count(&pool).await, 0);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back_and_gives_its_locks_back_at_once() {
    let database = testkit::postgres::database(&[]).await;
    let pool = database.pool().await;
    with_table(&pool).await;
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql(WRITE).execute(&mut *tx).await.unwrap();
    drop(tx);
    let mut other = pool.begin().await.unwrap();
    sqlx::raw_sql("set local lock_timeout = '5s'").execute(&mut *other).await.unwrap();
    sqlx::raw_sql(WRITE).execute(&mut *other).await.unwrap();
    other.commit("write again").await.unwrap();
    assert_eq!(count(&pool).await, 1);
}

#[tokio::test]
async fn a_rollback_that_nobody_answers_gives_its_place_in_the_pool_back() {
    let database = testkit::postgres::database(&[]).await;
    let way = Way::to(&database.url).await;
    let pool = Pool::open(&Settings { connections: 1, ..Settings::of(&way.url) }).await.unwrap();
    let tx = pool.begin().await.unwrap();
    way.open.send(false).unwrap();
    drop(tx);
    // Only this connection hangs: the next one gets through.
    eventually(async || {
        way.open.send_replace(true);
        tokio::time::timeout(Duration::from_secs(6), pool.check()).await.is_ok_and(|checked| checked.is_ok())
    })
    .await;
}

/// A way to PostgreSQL on which what was connected when it closed stays silent for ever, and no end is told of it.
struct Way {
    url: String,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{path}", listener.local_addr().unwrap());
        let (open, seen) = watch::channel(true);
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&address).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(carry(near_in, far_out, seen.clone()));
                tokio::spawn(carry(far_in, near_out, seen.clone()));
            }
        });
        Self { url, open }
    }
}

async fn carry(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    open.mark_unchanged();
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if open.has_changed().unwrap_or(true) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
