//! What happened that whoever watches over the suite should know. The table takes new rows only, and lets go of what is
//! older than the settings say.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::SecurityEvent;

/// A row as it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: Uuid,
    pub kind: String,
    pub subject: Option<String>,
    pub client_id: Option<String>,
    pub grant_id: Option<Uuid>,
    pub by: Option<String>,
    pub address: Option<String>,
    pub detail: Option<String>,
    pub at: OffsetDateTime,
}

/// Records what happened.
pub async fn insert_security_event(
    db: &mut PgConnection,
    id: Uuid,
    event: &SecurityEvent,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO security_event (id, kind, subject, client_id, grant_id, "by", address, detail, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7::text::inet, $8, $9)"#,
        id,
        event.happened.as_str(),
        event.subject,
        event.client_id,
        event.grant_id,
        event.by,
        event.address.map(|address| address.to_string()),
        event.detail,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What happened, the latest first, beginning before `before`: to one user or client or to all, of one kind or of all.
pub async fn list_security_events(
    db: &mut PgConnection,
    subject: Option<&str>,
    kind: Option<&str>,
    before: Option<Uuid>,
    rows: i64,
) -> Result<Vec<Recorded>> {
    let events = sqlx::query_as!(
        Recorded,
        r#"SELECT id, kind, subject, client_id, grant_id, "by", host(address) AS address, detail, at
         FROM security_event
         WHERE ($1::text IS NULL OR subject = $1) AND ($2::text IS NULL OR kind = $2)
             AND ($3::uuid IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4"#,
        subject,
        kind,
        before,
        rows,
    );
    Ok(events.fetch_all(db).await?)
}

/// Keeps events for so many days from now on.
pub async fn update_retention(db: &mut PgConnection, days: i32) -> Result<()> {
    sqlx::query!("UPDATE security_event_retention SET days = $1 WHERE days <> $1", days).execute(db).await?;
    Ok(())
}

/// Takes out a batch of those that are older than they are kept, by the database's clock; how many.
pub async fn forget_security_events(db: &mut PgConnection, most: i64) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT forget_security_events($1) AS "forgotten!""#, most).fetch_one(db).await?)
}
