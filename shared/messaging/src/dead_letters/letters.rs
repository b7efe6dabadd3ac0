//! The table of dead letters.

use std::collections::BTreeMap;

use async_nats::jetstream::Message;
use database::{Error, Result};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::kept;
use crate::{failures::Failure, subscription::Reaction};

/// Names of headers, each with its values.
type Headers = BTreeMap<String, Vec<String>>;

/// Whether an operator still has to do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Nobody has settled it.
    #[default]
    Waiting,
    /// It was redriven with success.
    Redriven,
    /// An operator decided that it shall never take effect.
    Discarded,
}

/// A message that never took effect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetterSummary {
    pub id: Uuid,
    /// The reaction that failed.
    #[schema(example = "inventory-order-confirmed-v1")]
    pub consumer: String,
    /// The type of event.
    #[schema(example = "order.confirmed.v1")]
    pub subject: String,
    /// Why it was set aside.
    pub error: String,
    /// How often its effect was tried; 0 if the message could not even be read.
    pub attempts: i32,
    /// How often it had been delivered.
    pub deliveries: i32,
    /// When the message came to the stream.
    #[serde(with = "time::serde::rfc3339::option")]
    pub published_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed_at: OffsetDateTime,
    /// When it failed last, and was set aside.
    #[serde(with = "time::serde::rfc3339")]
    pub failed_at: OffsetDateTime,
    /// When it was redriven with success.
    #[serde(with = "time::serde::rfc3339::option")]
    pub redriven_at: Option<OffsetDateTime>,
    /// Who redrove it.
    pub redriven_by: Option<String>,
    /// When it was discarded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub discarded_at: Option<OffsetDateTime>,
    /// Who discarded it.
    pub discarded_by: Option<String>,
}

/// A message that never took effect, with its body.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    #[serde(flatten)]
    pub summary: DeadLetterSummary,
    /// The message's headers: names, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The message as it came; bytes that are not UTF-8 are replaced.
    pub body: String,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

impl DeadLetterSummary {
    pub(super) fn state(&self) -> DeadLetterState {
        match (self.redriven_at, self.discarded_at) {
            (None, None) => DeadLetterState::Waiting,
            (Some(_), _) => DeadLetterState::Redriven,
            (None, Some(_)) => DeadLetterState::Discarded,
        }
    }
}

/// A message that is about to be set aside.
pub(crate) struct NewLetter<'a> {
    consumer: &'a str,
    message: &'a Message,
    error: String,
    deliveries: i64,
    published_at: OffsetDateTime,
    failures: Option<&'a Failure>,
}

impl<'a> NewLetter<'a> {
    /// A message that cannot be read.
    pub(crate) fn of(reaction: &'a Reaction, message: &'a Message, why: &str) -> anyhow::Result<Self> {
        let info = message.info().map_err(anyhow::Error::from_boxed)?;
        let (deliveries, published_at) = (info.delivered, info.published);
        Ok(Self { consumer: &reaction.consumer, message, error: kept(why), deliveries, published_at, failures: None })
    }

    /// A message whose effect has failed for good.
    pub(crate) fn after(self, failures: &'a Failure) -> Self {
        Self { failures: Some(failures), ..self }
    }

    fn headers(&self) -> Headers {
        let all = self.message.headers.iter().flat_map(|headers| headers.iter());
        all.map(|(name, values)| (kept(name.as_ref()), values.iter().map(|value| kept(value.as_str())).collect()))
            .collect()
    }
}

/// Sets a message aside. One that waits already, because its acknowledgement was lost, is brought up to date.
pub(crate) async fn insert(db: &mut PgConnection, letter: &NewLetter<'_>) -> Result<()> {
    tracing::error!(why = letter.error, consumer = letter.consumer, "an event is set aside as a dead letter");
    metrics::counter!("events_dead_lettered_total", "consumer" => letter.consumer.to_owned()).increment(1);
    sqlx::query!(
        "insert into messaging.dead_letter as known
             (id, consumer, subject, body, headers, error, deliveries, attempts, published_at, first_failed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()))
         on conflict (consumer, sha256(body)) where redriven_at is null and discarded_at is null
             do update set error = excluded.error, deliveries = excluded.deliveries, failed_at = now(),
                           attempts = known.attempts + excluded.attempts",
        Uuid::now_v7(),
        letter.consumer,
        letter.message.subject.as_str(),
        &letter.message.payload[..],
        Json(letter.headers()) as _,
        letter.error,
        i32::try_from(letter.deliveries).unwrap_or(i32::MAX),
        letter.failures.map_or(0, |failures| failures.attempts),
        letter.published_at,
        letter.failures.map(|failures| failures.first_failed_at),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which letters are listed.
pub(super) struct Wanted<'a> {
    pub state: DeadLetterState,
    pub consumer: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub after: Option<Uuid>,
    pub rows: i64,
}

/// The letters that are wanted, the oldest first.
pub(super) async fn list(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<DeadLetterSummary>> {
    sqlx::query_as!(
        DeadLetterSummary,
        "select id, consumer, subject, error, attempts, deliveries, published_at, first_failed_at, failed_at,
                redriven_at, redriven_by, discarded_at, discarded_by
         from messaging.dead_letter
         where (redriven_at is not null) = $1 and (discarded_at is not null) = $2
           and ($3::text is null or consumer = $3) and ($4::text is null or subject = $4)
           and ($5::uuid is null or id > $5)
         order by id limit $6",
        wanted.state == DeadLetterState::Redriven,
        wanted.state == DeadLetterState::Discarded,
        wanted.consumer,
        wanted.subject,
        wanted.after,
        wanted.rows,
    )
    .fetch_all(db)
    .await
    .map_err(Error::from)
}

/// The letters of a consumer that wait: those first that nobody has redriven in vain, then those with which it was longest
/// ago. Otherwise the first ones that always fail would keep all others from their turn.
pub(super) async fn list_next(db: &mut PgConnection, consumer: &str, rows: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "select id from messaging.dead_letter as letter
         where consumer = $1 and redriven_at is null and discarded_at is null
         order by (select max(at) from messaging.dead_letter_action where dead_letter_id = letter.id) nulls first, id
         limit $2",
        consumer,
        rows
    );
    Ok(ids.fetch_all(db).await?)
}

/// How many letters of a consumer wait.
pub(super) async fn count_waiting(db: &mut PgConnection, consumer: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from messaging.dead_letter
           where consumer = $1 and redriven_at is null and discarded_at is null"#,
        consumer
    );
    Ok(count.fetch_one(db).await?)
}

/// The letter.
pub(super) async fn find(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, consumer, subject, body, headers as "headers: Json<Headers>", error, attempts, deliveries,
                  published_at, first_failed_at, failed_at, redriven_at, redriven_by, discarded_at, discarded_by
           from messaging.dead_letter where id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(DeadLetter::from))
}

/// The same, locked until the end of the transaction: of two who settle it at once, the second sees what the first did.
pub(super) async fn lock(db: &mut PgConnection, id: Uuid) -> Result<Option<DeadLetter>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, consumer, subject, body, headers as "headers: Json<Headers>", error, attempts, deliveries,
                  published_at, first_failed_at, failed_at, redriven_at, redriven_by, discarded_at, discarded_by
           from messaging.dead_letter where id = $1 for no key update"#,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(DeadLetter::from))
}

/// Marks a locked letter as redriven.
pub(super) async fn mark_redriven(db: &mut PgConnection, id: Uuid, by: &str) -> Result<()> {
    sqlx::query!("update messaging.dead_letter set redriven_at = now(), redriven_by = $2 where id = $1", id, by)
        .execute(db)
        .await?;
    Ok(())
}

/// Marks a locked letter as discarded.
pub(super) async fn mark_discarded(db: &mut PgConnection, id: Uuid, by: &str) -> Result<()> {
    sqlx::query!("update messaging.dead_letter set discarded_at = now(), discarded_by = $2 where id = $1", id, by)
        .execute(db)
        .await?;
    Ok(())
}

struct Row {
    id: Uuid,
    consumer: String,
    subject: String,
    body: Vec<u8>,
    headers: Json<Headers>,
    error: String,
    attempts: i32,
    deliveries: i32,
    published_at: Option<OffsetDateTime>,
    first_failed_at: OffsetDateTime,
    failed_at: OffsetDateTime,
    redriven_at: Option<OffsetDateTime>,
    redriven_by: Option<String>,
    discarded_at: Option<OffsetDateTime>,
    discarded_by: Option<String>,
}

impl From<Row> for DeadLetter {
    fn from(row: Row) -> Self {
        let summary = DeadLetterSummary {
            id: row.id,
            consumer: row.consumer,
            subject: row.subject,
            error: row.error,
            attempts: row.attempts,
            deliveries: row.deliveries,
            published_at: row.published_at,
            first_failed_at: row.first_failed_at,
            failed_at: row.failed_at,
            redriven_at: row.redriven_at,
            redriven_by: row.redriven_by,
            discarded_at: row.discarded_at,
            discarded_by: row.discarded_by,
        };
        let body = String::from_utf8_lossy(&row.body).into_owned();
        Self { summary, headers: row.headers.0, body, bytes: row.body }
    }
}
