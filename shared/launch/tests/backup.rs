//! Backups of several databases at one moment, while they are written to, and what a restore leaves.
#![allow(clippy::unwrap_used)]

use std::{fs, sync::Arc, time::Duration};

use launch::{
    Temporary,
    backup::{self, Backup},
    postgres::{Access, Cluster},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Notify;

const DATABASES: [&str; 2] = ["cause", "effect"];

async fn cluster() -> Cluster {
    let cluster = Cluster::temporary().await.unwrap();
    for name in DATABASES {
        let url = cluster.access().create_service_database(name, "password").await.unwrap();
        let mut db = PgConnection::connect(&url).await.unwrap();
        let tables = "create table thing (nr bigint primary key); create schema messaging;
                      create table messaging.outbox (nr bigint primary key, published_at timestamptz default now());
                      create table public._sqlx_migrations (version bigint); insert into _sqlx_migrations values (7)";
        sqlx::raw_sql(tables).execute(&mut db).await.unwrap();
    }
    cluster
}

/// Writes each number to one database, then to the other, and says how far it came.
async fn write(access: Access, stop: Arc<Notify>) -> i64 {
    let mut cause = access.connect("cause").await.unwrap();
    let mut effect = access.connect("effect").await.unwrap();
    let stopped = stop.notified();
    tokio::pin!(stopped);
    for nr in 1.. {
        for db in [&mut cause, &mut effect] {
            let both =
                format!("begin; insert into thing values ({nr}); insert into messaging.outbox values ({nr}); commit");
            sqlx::raw_sql(AssertSqlSafe(both)).execute(db).await.unwrap();
        }
        if futures::poll!(&mut stopped).is_ready() {
            return nr;
        }
    }
    unreachable!()
}

async fn number(access: &Access, database: &str, question: &'static str) -> i64 {
    let mut db = access.connect(database).await.unwrap();
    sqlx::query_scalar(question).fetch_one(&mut db).await.unwrap()
}

/// Since when the backup has waited for the lock of `effect`, as soon as it is another time than `before`.
async fn waiting_since(access: &Access, before: Option<String>) -> String {
    let mut db = access.connect("postgres").await.unwrap();
    let question = "select query_start::text from pg_stat_activity
                    where datname = 'effect' and query like '%IN SHARE MODE' and wait_event_type = 'Lock'";
    let asked = async {
        loop {
            let since: Option<String> = sqlx::query_scalar(question).fetch_optional(&mut db).await.unwrap();
            if let Some(since) = since.filter(|since| before.as_ref() != Some(since)) {
                return since;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("it waits")
}

const THINGS: &str = "select count(*) from thing";

#[tokio::test(flavor = "multi_thread")]
async fn no_backup_under_load_knows_an_effect_without_its_cause() {
    let (cluster, fresh) = (cluster().await, Cluster::temporary().await.unwrap());
    let (directory, stop) = (Temporary::new("backup").unwrap(), Arc::new(Notify::new()));
    let writer = tokio::spawn(write(cluster.access(), stop.clone()));
    let mut last = 0;
    for round in 0..10 {
        let place = directory.path().join(round.to_string());
        let taken = backup::take(&cluster.access(), &DATABASES, &place).await.unwrap();
        assert_eq!(taken.manifest.databases[0].migrations, [("public._sqlx_migrations".to_owned(), 7)]);
        Backup::open(&place).unwrap().restore(&fresh.access(), &DATABASES).await.unwrap();
        let (cause, effect) =
            (number(&fresh.access(), "cause", THINGS).await, number(&fresh.access(), "effect", THINGS).await);
        assert!(cause == effect || cause == effect + 1, "round {round}: {cause} causes, {effect} effects");
        assert!(cause >= last, "a later backup holds what an earlier one held");
        for database in DATABASES {
            let outbox = number(&fresh.access(), database, "select count(*) from messaging.outbox").await;
            assert_eq!(outbox, number(&fresh.access(), database, THINGS).await, "all tables are of one moment");
        }
        last = cause;
    }
    stop.notify_waiters();
    assert!(writer.await.unwrap() > 0, "the writer was never refused anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_does_not_end_is_waited_for_and_keeps_nobody_else_waiting() {
    let cluster = cluster().await;
    let directory = Temporary::new("backup").unwrap();
    let mut long = cluster.access().connect("effect").await.unwrap();
    sqlx::raw_sql("begin; insert into thing values (1)").execute(&mut long).await.unwrap();
    let (access, place) = (cluster.access(), directory.path().join("one"));
    let backup = tokio::spawn(async move { backup::take(&access, &DATABASES, &place).await });
    // It waits for a lock, lets go, and waits for it anew.
    let first = waiting_since(&cluster.access(), None).await;
    let mut other = cluster.access().connect("cause").await.unwrap();
    sqlx::raw_sql("insert into thing values (10)").execute(&mut other).await.unwrap();
    waiting_since(&cluster.access(), Some(first)).await;
    assert!(!backup.is_finished());
    sqlx::raw_sql("commit").execute(&mut long).await.unwrap();
    assert!(backup.await.unwrap().unwrap().manifest.attempts > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_puts_back_what_was_asked_for_and_nothing_else() {
    let cluster = cluster().await;
    let (access, directory) = (cluster.access(), Temporary::new("backup").unwrap());
    let place = directory.path().join("one");
    backup::take(&access, &DATABASES, &place).await.unwrap();
    for database in DATABASES {
        let write = "insert into thing values (1); insert into messaging.outbox values (1)";
        sqlx::raw_sql(write).execute(&mut access.connect(database).await.unwrap()).await.unwrap();
    }
    Backup::open(&place).unwrap().restore(&access, &["effect"]).await.unwrap();
    assert_eq!((number(&access, "cause", THINGS).await, number(&access, "effect", THINGS).await), (1, 0));
    let owned = "select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                 where nspname in ('public', 'messaging') and relowner <> 'effect'::regrole";
    assert_eq!(number(&access, "effect", owned).await, 0, "everything belongs to the service's role");
    let mut role = PgConnection::connect(&access.url("effect", "password", "effect")).await.unwrap();
    sqlx::raw_sql("insert into thing values (5)").execute(&mut role).await.unwrap();
    let stranger = PgConnection::connect(&access.url("cause", "password", "effect")).await;
    assert!(stranger.is_err(), "another service's role is refused as before");
    let left = "select count(*) from pg_database where datname like '%\\_re%'";
    assert_eq!(number(&access, "postgres", left).await, 0, "nothing is left beside it");
    // What was published is published again.
    assert_eq!(access.publish_all_again("cause").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_fails_leaves_everything_as_it_was() {
    let cluster = cluster().await;
    let (access, directory) = (cluster.access(), Temporary::new("backup").unwrap());
    let place = directory.path().join("one");
    let taken = backup::take(&access, &DATABASES, &place).await.unwrap();
    assert!(backup::take(&access, &DATABASES, &place).await.is_err(), "nothing is overwritten");
    for database in DATABASES {
        sqlx::raw_sql("insert into thing values (1)")
            .execute(&mut access.connect(database).await.unwrap())
            .await
            .unwrap();
    }
    fs::write(place.join("effect.dump"), "not a dump").unwrap();
    assert!(format!("{:#}", Backup::open(&place).unwrap_err()).contains("not what was written"));
    // As if the file had been damaged since it was checked.
    taken.restore(&access, &DATABASES).await.unwrap_err();
    assert_eq!((number(&access, "cause", THINGS).await, number(&access, "effect", THINGS).await), (1, 1));
    fs::remove_file(place.join("manifest.json")).unwrap();
    assert!(format!("{:#}", Backup::open(&place).unwrap_err()).contains("not a backup"));
}
