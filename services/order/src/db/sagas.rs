//! Sagas: who works on which, and how far it is. All times are the database's.

use std::time::Duration;

use contracts::OrderId;
use database::Result;
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::Name,
    domain::{Basket, Entry, Reason, SagaState, Standing},
};

/// A saga that an instance has taken: nobody else writes to it while the epoch is the highest.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The order.
    pub order_id: OrderId,
    /// The saga's name.
    pub name: String,
    /// How far it is.
    pub standing: Standing,
    /// Whether an alarm was raised at this step.
    pub stuck: bool,
    /// Names this taking.
    pub epoch: i64,
}

/// What is written before and after each step.
#[derive(Debug)]
pub struct Save<'a> {
    /// The order.
    pub order_id: OrderId,
    /// The saga's name.
    pub name: &'a str,
    /// Of the taking.
    pub epoch: i64,
    /// How far it is.
    pub standing: &'a Standing,
    /// Whether a request leaves after this.
    pub asking: bool,
    /// Whether somebody should look at it.
    pub stuck: bool,
    /// When others may take it, from now.
    pub due_in: Duration,
    /// Who holds it until then.
    pub holder: Option<&'a str>,
    /// What happened.
    pub entries: &'a [Entry],
    /// What was seen instead of an answer.
    pub silence: Option<&'a Entry>,
    /// What is bought, if that was learned.
    pub basket: Option<&'a Basket>,
}

/// Begins a saga, held by `holder` for the time of `lease`.
pub async fn insert_saga(
    db: &mut PgConnection,
    id: OrderId,
    name: &str,
    standing: &Standing,
    holder: &str,
    lease: Duration,
) -> Result<Taken> {
    let epoch = sqlx::query_scalar!(
        "INSERT INTO saga (order_id, name, state, step, due_at, lease_holder)
         VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), $6) RETURNING epoch",
        id.uuid(),
        name,
        Name(standing.state) as _,
        standing.step,
        lease.as_secs_f64(),
        holder,
    )
    .fetch_one(db)
    .await?;
    Ok(Taken { order_id: id, name: name.to_owned(), standing: standing.clone(), stuck: false, epoch })
}

/// Takes up to `rows` sagas of these names that are due: nobody holds them, or the one who did has let its lease run out.
pub async fn take_due(
    db: &mut PgConnection,
    names: &[String],
    holder: &str,
    lease: Duration,
    rows: i64,
) -> Result<Vec<Taken>> {
    let rows = sqlx::query_as!(
        TakenRow,
        r#"WITH due AS (
               SELECT order_id, name FROM saga WHERE ended_at IS NULL AND due_at <= clock_timestamp() AND name = ANY($4)
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           UPDATE saga SET epoch = epoch + 1, lease_holder = $1, due_at = clock_timestamp() + make_interval(secs => $2)
           FROM due WHERE saga.order_id = due.order_id AND saga.name = due.name
           RETURNING saga.order_id, saga.name, saga.state AS "state: Name<SagaState>", saga.step, saga.attempts,
                     saga.reason AS "reason: Json<Reason>", saga.stuck_since, saga.epoch"#,
        holder,
        lease.as_secs_f64(),
        rows,
        names,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Taken::from).collect())
}

/// Takes this saga if it is due.
pub async fn take_one(
    db: &mut PgConnection,
    id: OrderId,
    name: &str,
    holder: &str,
    lease: Duration,
) -> Result<Option<Taken>> {
    let row = sqlx::query_as!(
        TakenRow,
        r#"UPDATE saga SET epoch = epoch + 1, lease_holder = $3, due_at = clock_timestamp() + make_interval(secs => $4)
           WHERE order_id = $1 AND name = $2 AND ended_at IS NULL AND due_at <= clock_timestamp()
           RETURNING order_id, name, state AS "state: Name<SagaState>", step, attempts, reason AS "reason: Json<Reason>",
                     stuck_since, epoch"#,
        id.uuid(),
        name,
        holder,
        lease.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Taken::from))
}

/// Takes this saga from whoever works on it, if it is stuck.
pub async fn take_stuck(
    db: &mut PgConnection,
    id: OrderId,
    name: &str,
    holder: &str,
    lease: Duration,
) -> Result<Option<Taken>> {
    let row = sqlx::query_as!(
        TakenRow,
        r#"UPDATE saga SET epoch = epoch + 1, lease_holder = $3, due_at = clock_timestamp() + make_interval(secs => $4)
           WHERE order_id = $1 AND name = $2 AND ended_at IS NULL AND stuck_since IS NOT NULL
           RETURNING order_id, name, state AS "state: Name<SagaState>", step, attempts, reason AS "reason: Json<Reason>",
                     stuck_since, epoch"#,
        id.uuid(),
        name,
        holder,
        lease.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Taken::from))
}

/// Writes how far a saga is, with what happened, in one statement. Returns for how long the step has been asked for;
/// none if another instance has taken the saga since, in which case nothing is written.
pub async fn save_saga(db: &mut PgConnection, save: &Save<'_>) -> Result<Option<Duration>> {
    let waited = sqlx::query_scalar!(
        r#"WITH saved AS (
               UPDATE saga SET state = $4, step = $5, attempts = $6, reason = $7,
                   asked_at = CASE WHEN $6 = 0 THEN NULL WHEN $8 AND $6 = 1 THEN clock_timestamp() ELSE asked_at END,
                   stuck_since = CASE WHEN $9 THEN coalesce(stuck_since, clock_timestamp()) END,
                   last_silence = CASE WHEN $6 > 1 OR $6 = 1 AND NOT $8 THEN coalesce($14, last_silence) END,
                   due_at = clock_timestamp() + make_interval(secs => $10), lease_holder = $11,
                   ended_at = CASE WHEN $5::text IS NULL THEN clock_timestamp() END
               WHERE order_id = $1 AND name = $2 AND epoch = $3
               RETURNING order_id, asked_at),
           numbered AS (
               UPDATE orders SET log_length = log_length + jsonb_array_length($12), basket = coalesce($13, basket)
               FROM saved WHERE orders.id = saved.order_id
               RETURNING log_length - jsonb_array_length($12) AS before),
           logged AS (
               INSERT INTO saga_log (order_id, seq, saga, step, direction, attempt, what, detail)
               SELECT $1, before + nr, saga, entry.step, direction, attempt, what, detail
               FROM numbered, ROWS FROM (jsonb_to_recordset($12) AS (saga text, step text, direction text,
                   attempt integer, what text, detail jsonb)) WITH ORDINALITY
                   AS entry (saga, step, direction, attempt, what, detail, nr))
           SELECT coalesce(extract(epoch FROM clock_timestamp() - asked_at), 0)::float8 AS "waited!" FROM saved"#,
        save.order_id.uuid(),
        save.name,
        save.epoch,
        Name(save.standing.state) as _,
        save.standing.step,
        save.standing.attempts,
        save.standing.reason.as_ref().map(Json) as _,
        save.asking,
        save.stuck,
        save.due_in.as_secs_f64(),
        save.holder,
        Json(save.entries) as _,
        save.basket.map(Json) as _,
        save.silence.map(Json) as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(waited.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// How many sagas somebody should look at.
pub async fn count_stuck(db: &mut PgConnection) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM saga WHERE stuck_since IS NOT NULL"#);
    Ok(count.fetch_one(db).await?)
}

/// A saga as an operator sees it.
#[derive(Debug)]
pub struct Listed {
    pub order_id: Uuid,
    pub name: String,
    pub state: Name<SagaState>,
    pub step: Option<String>,
    pub attempts: i32,
    pub asked_at: Option<OffsetDateTime>,
    pub reason: Option<Json<Reason>>,
    pub stuck_since: Option<OffsetDateTime>,
    pub due_at: OffsetDateTime,
    pub lease_holder: Option<String>,
    pub epoch: i64,
    pub started_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
    pub last_silence: Option<Json<Entry>>,
}

/// One saga.
pub async fn find_saga(db: &mut PgConnection, id: OrderId, name: &str) -> Result<Option<Listed>> {
    let row = sqlx::query_as!(
        Listed,
        r#"SELECT order_id, name, state AS "state: Name<SagaState>", step, attempts, asked_at,
                  reason AS "reason: Json<Reason>", stuck_since, due_at, lease_holder, epoch, started_at, ended_at,
                  last_silence AS "last_silence: Json<Entry>"
           FROM saga WHERE order_id = $1 AND name = $2"#,
        id.uuid(),
        name,
    )
    .fetch_optional(db)
    .await?;
    Ok(row)
}

/// Sagas, those of the newest orders first: in `state` or in any, stuck ones or all.
pub async fn list_sagas(
    db: &mut PgConnection,
    state: Option<SagaState>,
    stuck: bool,
    after: Option<(OrderId, &str)>,
    rows: i64,
) -> Result<Vec<Listed>> {
    let (id, name) = after.unzip();
    let rows = sqlx::query_as!(
        Listed,
        r#"SELECT order_id, name, state AS "state: Name<SagaState>", step, attempts, asked_at,
                  reason AS "reason: Json<Reason>", stuck_since, due_at, lease_holder, epoch, started_at, ended_at,
                  last_silence AS "last_silence: Json<Entry>"
           FROM saga
           WHERE ($1::text IS NULL OR state = $1) AND (NOT $2 OR stuck_since IS NOT NULL)
             AND ($3::uuid IS NULL OR (order_id, name) < ($3, $4))
           ORDER BY order_id DESC, name DESC LIMIT $5"#,
        state.map(Name) as _,
        stuck,
        id.map(OrderId::uuid),
        name,
        rows,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

struct TakenRow {
    order_id: Uuid,
    name: String,
    state: Name<SagaState>,
    step: Option<String>,
    attempts: i32,
    reason: Option<Json<Reason>>,
    stuck_since: Option<OffsetDateTime>,
    epoch: i64,
}

impl From<TakenRow> for Taken {
    fn from(row: TakenRow) -> Self {
        let reason = row.reason.map(|reason| reason.0);
        let standing = Standing { state: row.state.0, step: row.step, attempts: row.attempts, reason };
        let (order_id, stuck) = (row.order_id.into(), row.stuck_since.is_some());
        Self { order_id, name: row.name, standing, stuck, epoch: row.epoch }
    }
}
