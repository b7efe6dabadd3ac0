//! Events that come again when nobody expects them any more.

use sqlx::AssertSqlSafe;

use crate::postgres::Database;

impl Database {
    /// Lets the service forget which events it has heard, as it does after a week, and delivers them once more: the last
    /// first, and under message ids that the server's own de-duplication does not know. Waits until the service has
    /// heard them all. For tests that announce through the service's own outbox.
    pub async fn deliver_late(&self) {
        let again = "with forgotten as (delete from messaging.inbox returning event_id),
                 events as (select distinct on (body ->> 'id') seq, subject, aggregate, body from messaging.outbox
                            where (body ->> 'id')::uuid in (select event_id from forgotten)
                            order by body ->> 'id', seq)
             insert into messaging.outbox (id, subject, aggregate, body)
             select gen_random_uuid(), subject, aggregate, body from events order by seq desc";
        let mut db = self.connect().await;
        let before: i64 = sqlx::query_scalar(HEARD).fetch_one(&mut db).await.expect("the inbox can be read");
        sqlx::query(AssertSqlSafe(again)).execute(&mut db).await.expect("the outbox takes events");
        crate::eventually(async || {
            let heard: i64 = sqlx::query_scalar(HEARD).fetch_one(&mut db).await.expect("the inbox can be read");
            if heard == before { Ok(()) } else { Err(format!("{heard} of {before} events were heard again")) }
        })
        .await;
    }
}

const HEARD: &str = "select count(*) from messaging.inbox";
