//! A write without a crash point is refused by PostgreSQL itself, in debug builds.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used)]

use database::{Pool, Settings};
use sqlx::PgConnection;
use testkit::postgres;

/// SQLSTATE: read_only_sql_transaction.
const READ_ONLY: &str = "25006";

/// One connection only: what was done with it before must not matter.
async fn pool(database: &postgres::Database) -> Pool {
    let pool = Pool::open(&Settings { connections: 1, ..Settings::of(&database.url) }).await.unwrap();
    write(&mut pool.single("make table").await.unwrap(), "create table parcel (id int)").await.unwrap();
    pool
}

async fn write(db: &mut PgConnection, sql: &'static str) -> database::Result<()> {
    sqlx::query(sql).execute(db).await?;
    Ok(())
}

const INSERT: &str = "insert into parcel values (1)";

#[tokio::test]
async fn a_write_without_a_point_is_refused() {
    let database = postgres::database(&[]).await;
    let pool = pool(&database).await;
    let refused = write(&mut pool.get().await.unwrap(), INSERT).await.unwrap_err();
    assert_eq!(refused.code().as_deref(), Some(READ_ONLY), "{refused}");
}

#[tokio::test]
async fn a_named_write_goes_through_whatever_the_connection_did_before() {
    let database = postgres::database(&[]).await;
    let pool = pool(&database).await;
    for _ in 0..2 {
        write(&mut pool.get().await.unwrap(), INSERT).await.unwrap_err();
        write(&mut pool.single("insert parcel").await.unwrap(), INSERT).await.unwrap();
        write(&mut pool.get().await.unwrap(), INSERT).await.unwrap_err();
        let mut tx = pool.begin().await.unwrap();
        write(&mut tx, INSERT).await.unwrap();
        tx.commit("insert parcel").await.unwrap();
    }
    let count = sqlx::query_scalar::<_, i64>("select count(*) from parcel");
    assert_eq!(count.fetch_one(&mut *pool.get().await.unwrap()).await.unwrap(), 4);
}
