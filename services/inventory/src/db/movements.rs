//! Table `movement`, and `stock`, which never changes without one.

use contracts::{OrderId, Sku};
use database::{Error, Result};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::word;
use crate::domain::{Cause, Change, Kind, Movement};

struct Row {
    id: i64,
    sku: Sku,
    kind: String,
    quantity: i64,
    reference: Option<String>,
    reason: Option<String>,
    order_id: Option<OrderId>,
    actor: String,
    at: OffsetDateTime,
}

impl TryFrom<Row> for Movement {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { id, sku, kind, quantity, reference, reason, order_id, actor, at } = row;
        Ok(Self { id, sku, kind: word(&kind)?, quantity, reference, reason, order_id, actor, at })
    }
}

/// Writes changes of stock that is locked: how it stands now, and the movements that say why. One statement for all.
pub async fn save_changes(
    db: &mut PgConnection,
    changes: &[Change],
    cause: &Cause,
    actor: &str,
    at: OffsetDateTime,
) -> Result<Vec<Movement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"with change as (
               select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
                   as change (sku, on_hand, reserved, version, kind, quantity)
           ), saved as (
               update stock set on_hand = change.on_hand, reserved = change.reserved, version = change.version
               from change where stock.sku = change.sku
           )
           insert into movement (sku, kind, quantity, reference, reason, order_id, actor, at)
           select sku, kind, quantity, $7, $8, $9, $10, $11 from change
           returning id, sku as "sku: Sku", kind, quantity, reference, reason, order_id as "order_id: OrderId", actor, at"#,
        &column(changes, |change| change.stock.sku.as_str()) as _,
        &column(changes, |change| change.stock.on_hand),
        &column(changes, |change| change.stock.reserved),
        &column(changes, |change| change.stock.version),
        &column(changes, |change| change.kind.as_str()) as _,
        &column(changes, |change| change.quantity),
        cause.reference(),
        cause.reason(),
        cause.order_id().map(OrderId::uuid),
        actor,
        at
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Movement::try_from).collect()
}

/// The receipt or adjustment of a product that has this reference.
pub async fn find_by_reference(
    db: &mut PgConnection,
    sku: &Sku,
    kind: Kind,
    reference: &str,
) -> Result<Option<Movement>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, sku as "sku: Sku", kind, quantity, reference, reason, order_id as "order_id: OrderId", actor, at
           from movement where sku = $1 and kind = $2 and reference = $3"#,
        sku.as_str(),
        kind.as_str(),
        reference
    )
    .fetch_optional(db)
    .await?;
    row.map(Movement::try_from).transpose()
}

/// Up to `rows` movements of a product, the latest first, beginning before `before`.
pub async fn list_movements(db: &mut PgConnection, sku: &Sku, before: Option<i64>, rows: i64) -> Result<Vec<Movement>> {
    let found = sqlx::query_as!(
        Row,
        r#"select id, sku as "sku: Sku", kind, quantity, reference, reason, order_id as "order_id: OrderId", actor, at
           from movement where sku = $1 and id < $2 order by id desc limit $3"#,
        sku.as_str(),
        before.unwrap_or(i64::MAX),
        rows
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(Movement::try_from).collect()
}

fn column<'a, T>(changes: &'a [Change], of: impl Fn(&'a Change) -> T) -> Vec<T> {
    changes.iter().map(of).collect()
}
