//! The log. The lock of the order's row hands out the numbers, so that entries become visible in their order.

use contracts::OrderId;
use database::Result;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use crate::{
    db::Name,
    domain::{Direction, Entry, FULFILMENT, Logged, What},
};

/// Whether this was heard from others before. The order's row is locked, so that of two who ask one is told no.
pub async fn find_heard(db: &mut PgConnection, id: OrderId, step: &str) -> Result<bool> {
    let heard = sqlx::query_scalar!(
        r#"SELECT exists (SELECT FROM saga_log WHERE order_id = $1 AND saga = $2 AND step = $3) AS "heard!""#,
        id.uuid(),
        FULFILMENT,
        step,
    );
    Ok(heard.fetch_one(db).await?)
}

/// Appends what was heard from others.
pub async fn insert_entry(db: &mut PgConnection, id: OrderId, entry: &Entry) -> Result<()> {
    sqlx::query!(
        "WITH numbered AS (UPDATE orders SET log_length = log_length + 1 WHERE id = $1 RETURNING log_length)
         INSERT INTO saga_log (order_id, seq, saga, step, direction, attempt, what, detail)
         SELECT $1, log_length, $2, $3, $4, $5, $6, $7 FROM numbered",
        id.uuid(),
        entry.saga,
        entry.step,
        Name(entry.direction) as _,
        entry.attempt,
        Name(entry.what) as _,
        entry.detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    seq: i32,
    at: OffsetDateTime,
    saga: String,
    step: String,
    direction: Name<Direction>,
    attempt: i32,
    what: Name<What>,
    detail: Option<Json<Value>>,
}

impl From<Row> for Logged {
    fn from(row: Row) -> Self {
        let Row { seq, at, saga, step, direction: Name(direction), attempt, what: Name(what), detail } = row;
        Self { seq, at, entry: Entry { saga, step, direction, attempt, what, detail: detail.map(|d| d.0) } }
    }
}

/// The order's log after the entry numbered `after`.
pub async fn list_entries(db: &mut PgConnection, id: OrderId, after: i32, rows: i64) -> Result<Vec<Logged>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT seq, at, saga, step, direction AS "direction: Name<Direction>", attempt, what AS "what: Name<What>",
                  detail AS "detail: Json<Value>"
           FROM saga_log WHERE order_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"#,
        id.uuid(),
        after,
        rows,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Logged::from).collect())
}

/// The end of the order's log, first things first.
pub async fn list_last_entries(db: &mut PgConnection, id: OrderId, rows: i64) -> Result<Vec<Logged>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT seq, at, saga, step, direction AS "direction: Name<Direction>", attempt, what AS "what: Name<What>",
                  detail AS "detail: Json<Value>"
           FROM saga_log WHERE order_id = $1 ORDER BY seq DESC LIMIT $2"#,
        id.uuid(),
        rows,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().rev().map(Logged::from).collect())
}
