//! The pool. sqlx's own pings on every release and by default on every acquire: three round trips per query.
//! This one hands a connection out as it is, and checks it only after some connection of the process broke.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use crash::{Entered, Point};
use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts},
};
use futures::future::join_all;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use crate::{
    error::{Error, Result, breaks_so_far, note_break},
    login::log_in,
    settings::Settings,
    transaction::Tx,
};

const ACQUIRE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
const CHECK: Duration = Duration::from_millis(500);
/// Our statements take milliseconds. A connection that was on loan for longer may have come back because somebody gave
/// up waiting for its answer.
const LONG: Duration = Duration::from_secs(1);

/// The connections of a service to its own database. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    connections: managed::Pool<Connections>,
    committed: Arc<Notify>,
}

/// A connection on loan; it goes back when dropped.
pub struct Conn(Object<Connections>);

/// A connection for one write. The write's point is left when this is dropped.
pub struct Single<'a> {
    // Dropped first: nothing else happens between the write and the point, not even that the connection is free.
    _point: Entered<'a>,
    conn: Conn,
}

pub(crate) struct Checked {
    connection: PgConnection,
    breaks_seen: u64,
    in_transaction: bool,
    lent_at: Instant,
    lent_for_long: bool,
    // What the server was told last; nothing is known while it is being told.
    #[cfg(debug_assertions)]
    refuses_writes: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Connections(PgConnectOptions);

impl managed::Manager for Connections {
    type Type = Checked;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Checked, sqlx::Error> {
        let breaks_seen = breaks_so_far();
        let connection = log_in(&self.0).await?;
        Ok(Checked {
            connection,
            breaks_seen,
            in_transaction: false,
            lent_at: Instant::now(),
            lent_for_long: false,
            #[cfg(debug_assertions)]
            refuses_writes: Some(false),
        })
    }

    async fn recycle(&self, it: &mut Checked, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if it.in_transaction {
            return Err(RecycleError::message("came back inside a transaction"));
        }
        let breaks = breaks_so_far();
        if it.breaks_seen != breaks || it.lent_for_long {
            let answered = timeout(CHECK, it.connection.ping()).await;
            // Where one is gone without a word, others are.
            answered.inspect_err(|_| note_break()).map_err(|_| RecycleError::message("does not answer"))??;
            (it.breaks_seen, it.lent_for_long) = (breaks, false);
        }
        Ok(())
    }
}

impl Pool {
    /// Opens the pool and proves with one connection that the database answers.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let limits = Timeouts { wait: Some(ACQUIRE), create: Some(CONNECT), recycle: None };
        let connections = managed::Pool::builder(Connections(settings.options()?))
            .max_size(usize::from(settings.connections))
            .timeouts(limits)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| sqlx::Error::Configuration(error.into()))?;
        let pool = Self { connections, committed: Arc::default() };
        pool.check().await?;
        if settings.at_once {
            pool.fill(settings.connections).await;
        }
        Ok(pool)
    }

    /// Makes every connection. Where the database gives no more, those that there are must do.
    async fn fill(&self, connections: u16) {
        // All are held until the last is there: one that came back would be handed out again.
        let all = join_all((0..connections).map(|_| self.connections.get())).await;
        if let Some(error) = all.into_iter().find_map(Result::err) {
            tracing::warn!(%error, "not all database connections could be made");
        }
    }

    /// A connection for reading. In a debug build PostgreSQL refuses to write through it, so that no write is without
    /// a point.
    pub async fn get(&self) -> Result<Conn> {
        let mut conn = self.lend().await?;
        conn.refuse_writes(true).await?;
        Ok(conn)
    }

    /// A connection for one write that is a transaction by itself. `point` names the write for the tests that let the
    /// process die before and after it.
    pub async fn single<'a>(&self, point: impl Into<Point<'a>>) -> Result<Single<'a>> {
        let mut conn = self.lend().await?;
        conn.refuse_writes(false).await?;
        Ok(Single { _point: point.into().enter(), conn })
    }

    async fn lend(&self) -> Result<Conn> {
        match self.connections.get().await {
            Ok(mut object) => {
                object.lent_at = Instant::now();
                Ok(Conn(object))
            }
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(_) => {
                // Perhaps all hang on a connection that is gone without a word: each is checked before its next use.
                note_break();
                Err(Error::PoolTimeout)
            }
        }
    }

    /// A connection with a transaction begun. Dropped without [`Tx::commit`] it is rolled back.
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(self.lend().await?, self.committed.clone()).await
    }

    /// Notified after each commit: what the outbox relay waits for.
    pub fn committed(&self) -> Arc<Notify> {
        self.committed.clone()
    }

    /// The database answers. For readiness.
    pub async fn check(&self) -> Result<()> {
        Ok(self.lend().await?.ping().await?)
    }
}

impl Conn {
    // Lazily, and in debug builds only: a release build does not pay for it.
    #[cfg(debug_assertions)]
    async fn refuse_writes(&mut self, refuse: bool) -> Result<()> {
        if self.0.refuses_writes != Some(refuse) {
            self.0.refuses_writes = None;
            let told = if refuse { "on" } else { "off" };
            let told = sqlx::AssertSqlSafe(format!("SET default_transaction_read_only = {told}"));
            sqlx::raw_sql(told).execute(&mut **self).await?;
            self.0.refuses_writes = Some(refuse);
        }
        Ok(())
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_async, reason = "as in a debug build")]
    async fn refuse_writes(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    pub(crate) fn mark_in_transaction(&mut self, inside: bool) {
        self.0.in_transaction = inside;
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.0.in_transaction
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.0.lent_for_long |= self.0.lent_at.elapsed() > LONG;
    }
}

impl Deref for Conn {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0.connection
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0.connection
    }
}

impl Deref for Single<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.conn
    }
}

impl DerefMut for Single<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}
