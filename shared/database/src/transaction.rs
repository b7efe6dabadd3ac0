//! A transaction on a pooled connection. After a commit the outbox relay is woken in process (a NOTIFY inside the
//! transaction would serialize all commits).

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use crash::{Moment, Point};
use sqlx::PgConnection;
use tokio::{runtime::Handle, sync::Notify, time::timeout};

use crate::{error::Result, pool::Conn};

const PATIENCE: Duration = Duration::from_secs(3);

/// A transaction. Dropped without [`Tx::commit`] it is rolled back.
pub struct Tx {
    // Empty only while it is being dropped.
    conn: Option<Conn>,
    committed: Arc<Notify>,
}

impl Tx {
    pub(crate) async fn begin(conn: Conn, committed: Arc<Notify>) -> Result<Self> {
        // Wrapped and marked first: a caller that goes away while BEGIN is on its way must still be rolled back.
        let mut tx = Self { conn: Some(conn), committed };
        tx.conn_mut().mark_in_transaction(true);
        sqlx::raw_sql("BEGIN READ WRITE").execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Makes it durable and visible, and wakes the outbox relay. On an error the outcome is unknown, unless the error
    /// says that an earlier statement had failed.
    ///
    /// `point` names the write for the tests that let the process die before and after it.
    pub async fn commit(mut self, point: impl Into<Point<'_>>) -> Result<()> {
        let point = point.into();
        point.reached(Moment::Before);
        // PostgreSQL answers the COMMIT of a failed transaction with a rollback and no error; a SELECT fails there.
        sqlx::raw_sql("SELECT 1; COMMIT").execute(&mut *self).await?;
        point.reached(Moment::After);
        self.conn_mut().mark_in_transaction(false);
        self.committed.notify_one();
        Ok(())
    }

    fn conn_mut(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("a transaction has its connection until it is dropped")
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take().filter(Conn::in_transaction) else { return };
        // Locks are held until the server has seen the rollback, so it is sent now and not at the next use. Where
        // that is not possible the connection goes back marked, and the pool closes it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // Unanswered, it goes back marked as well: a place in the pool is not held for a dead connection.
                if let Ok(rolled_back) = timeout(PATIENCE, sqlx::raw_sql("ROLLBACK").execute(&mut *conn)).await {
                    rolled_back?;
                    conn.mark_in_transaction(false);
                }
                Ok::<_, crate::Error>(())
            });
        }
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.conn.as_ref().expect("a transaction has its connection until it is dropped")
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.conn_mut()
    }
}
