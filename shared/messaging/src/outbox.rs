//! The outbox: an event is a row, written in the transaction that made it true.

use contracts::{CloudEvent, Event, EventId};
use database::{Error, Result};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stream::publisher;

/// A row that waits to be published.
pub(crate) struct Waiting {
    pub id: Uuid,
    pub subject: String,
    pub aggregate: String,
    pub body: serde_json::Value,
    pub traceparent: Option<String>,
}

/// Announces an event as of `now`, in the caller's transaction. It leaves after the commit, or not at all.
pub async fn announce<E: Event>(db: &mut PgConnection, event: &E, now: OffsetDateTime) -> Result<()> {
    announce_all(db, std::slice::from_ref(event), now).await
}

/// Announces events in the order given, as [`announce`] does, in one round trip: the caller's rows stay locked meanwhile.
pub async fn announce_all<E: Event>(db: &mut PgConnection, events: &[E], now: OffsetDateTime) -> Result<()> {
    let traceparent = web::telemetry::traceparent();
    let (mut ids, mut aggregates, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        let envelope = envelope(event, traceparent.as_deref(), now);
        bodies.push(serde_json::to_value(&envelope).map_err(|error| sqlx::Error::Encode(error.into()))?);
        ids.push(envelope.id.uuid());
        aggregates.push(envelope.subject);
    }
    sqlx::query!(
        "insert into messaging.outbox (id, subject, aggregate, body, traceparent)
         select id, $2, aggregate, body, $5
         from unnest($1::uuid[], $3::text[], $4::jsonb[]) with ordinality as event (id, aggregate, body, position)
         order by position",
        &ids,
        E::TYPE,
        &aggregates,
        &bodies,
        traceparent,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) fn envelope<'a, E: Event>(
    event: &'a E,
    traceparent: Option<&str>,
    now: OffsetDateTime,
) -> CloudEvent<&'a E> {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: EventId::generate(),
        source: format!("/{}", publisher(E::TYPE)),
        kind: E::TYPE.to_owned(),
        subject: event.aggregate(),
        time: now,
        datacontenttype: "application/json".to_owned(),
        traceparent: traceparent.map(str::to_owned),
        data: event,
    }
}

/// Up to `limit` rows that wait, oldest first, but for those of the aggregates `held_up`. So it costs the same however
/// many wait, and of however few aggregates; but it reads past the rows of those that are held up, each time.
pub(crate) async fn list_waiting(db: &mut PgConnection, held_up: &[String], limit: i64) -> Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "select id, subject, aggregate, body, traceparent from messaging.outbox
         where published_at is null and aggregate <> all($1) order by seq limit $2",
        held_up,
        limit
    )
    .fetch_all(db)
    .await
    .map_err(Error::from)
}

/// Marks rows as acknowledged by JetStream; false, and nothing is marked, if the lease is another's by now. That one may
/// be publishing again what was lost since, and our mark would hide it.
pub(crate) async fn mark_published(db: &mut PgConnection, ids: &[Uuid], holder: Uuid) -> Result<bool> {
    let done = sqlx::query!(
        "with lease as (select from messaging.relay_lease where holder = $2 for share)
         update messaging.outbox set published_at = now() where id = any($1) and exists (select from lease)",
        ids,
        holder
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0 || ids.is_empty())
}

/// Lets everything wait again that was published in the last three minutes in which anything was. JetStream
/// acknowledges before it has flushed (two minutes by default), so a server that crashed, however long ago, may have
/// lost it; identity makes the repetition harmless.
pub(crate) async fn publish_lately_again(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "update messaging.outbox set published_at = null
         where published_at > (select max(published_at) from messaging.outbox) - interval '3 minutes'"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// How many rows [`forget_published`] deletes at the most.
pub(crate) const FORGOTTEN_AT_ONCE: u64 = 1000;

/// Deletes a batch of rows that were published an hour ago or earlier.
pub(crate) async fn forget_published(db: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query!(
        "delete from messaging.outbox where seq in (
             select seq from messaging.outbox where published_at < now() - interval '1 hour'
             order by published_at limit $1)",
        FORGOTTEN_AT_ONCE.cast_signed(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Takes or keeps the right to publish, for five seconds of the database's time.
pub(crate) async fn take_lease(db: &mut PgConnection, holder: Uuid) -> Result<bool> {
    let taken = sqlx::query!(
        "update messaging.relay_lease set holder = $1, lease_until = clock_timestamp() + interval '5 seconds'
         where holder = $1 or lease_until < clock_timestamp()",
        holder
    )
    .execute(db)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Gives the right to publish back.
pub(crate) async fn give_lease_back(db: &mut PgConnection, holder: Uuid) -> Result<()> {
    sqlx::query!("update messaging.relay_lease set holder = null, lease_until = '-infinity' where holder = $1", holder)
        .execute(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATOR;

    #[tokio::test]
    async fn who_has_lost_the_lease_marks_nothing() {
        let database = testkit::postgres::database(&[&MIGRATOR]).await;
        let mut db = database.connect().await;
        let waits =
            "insert into messaging.outbox (id, subject, aggregate, body) values (gen_random_uuid(), 'x', 'x', '{}')
            returning id";
        let id: Uuid = sqlx::query_scalar(waits).fetch_one(&mut db).await.unwrap();
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(take_lease(&mut db, first).await.unwrap());
        let runs_out = "update messaging.relay_lease set lease_until = now() - interval '1 second'";
        sqlx::query(runs_out).execute(&mut db).await.unwrap();
        assert!(take_lease(&mut db, second).await.unwrap());
        assert!(!mark_published(&mut db, &[id], first).await.unwrap());
        assert_eq!(list_waiting(&mut db, &[], 9).await.unwrap().len(), 1);
        assert!(mark_published(&mut db, &[id], second).await.unwrap());
        assert!(list_waiting(&mut db, &[], 9).await.unwrap().is_empty());
    }
}
