//! Tables `reservation` and `reservation_line`.

use contracts::{OrderId, Quantity};
use database::{Error, Result};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::word;
use crate::domain::{Line, Lines, Reservation, State};

struct Row {
    order_id: OrderId,
    state: String,
    lines: Json<Vec<Line>>,
    reserved_by: String,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl TryFrom<Row> for Reservation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { order_id, state, lines, reserved_by, created_at, changed_at } = row;
        Ok(Self { order_id, state: word(&state)?, lines: lines.0, reserved_by, created_at, changed_at })
    }
}

/// The reservation of an order.
pub async fn find_reservation(db: &mut PgConnection, order_id: OrderId) -> Result<Option<Reservation>> {
    let row = sqlx::query_as!(
        Row,
        r#"select order_id as "order_id!: OrderId", state as "state!", lines as "lines!: Json<Vec<Line>>",
                  reserved_by as "reserved_by!", created_at as "created_at!", changed_at as "changed_at!"
           from reservation_with_lines where order_id = $1"#,
        order_id.uuid()
    )
    .fetch_optional(db)
    .await?;
    row.map(Reservation::try_from).transpose()
}

/// Takes the reservation of an order; its lines never change.
pub async fn lock_reservation(db: &mut PgConnection, order_id: OrderId) -> Result<Option<Reservation>> {
    let row = sqlx::query_as!(
        Row,
        r#"select order_id as "order_id!: OrderId", state as "state!", lines as "lines!: Json<Vec<Line>>",
                  reserved_by as "reserved_by!", created_at as "created_at!", changed_at as "changed_at!"
           from reservation_with_lines where order_id = $1 for no key update"#,
        order_id.uuid()
    )
    .fetch_optional(db)
    .await?;
    row.map(Reservation::try_from).transpose()
}

/// Up to `rows` reservations, those in `state` if given, the youngest order first, beginning before `before`.
pub async fn list_reservations(
    db: &mut PgConnection,
    state: Option<State>,
    before: Option<OrderId>,
    rows: i64,
) -> Result<Vec<Reservation>> {
    let found = sqlx::query_as!(
        Row,
        r#"select order_id as "order_id!: OrderId", state as "state!", lines as "lines!: Json<Vec<Line>>",
                  reserved_by as "reserved_by!", created_at as "created_at!", changed_at as "changed_at!"
           from reservation_with_lines
           where ($1::text is null or state = $1) and order_id < $2
           order by order_id desc limit $3"#,
        state.map(State::as_str),
        before.map_or(Uuid::max(), OrderId::uuid),
        rows
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(Reservation::try_from).collect()
}

/// Takes the order's place, without lines; false if somebody was there before. Of many at once, one takes it, and
/// the others wait to see whether that one commits.
pub async fn insert_reservation(
    db: &mut PgConnection,
    order_id: OrderId,
    state: State,
    reserved_by: &str,
    at: OffsetDateTime,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into reservation (order_id, state, reserved_by, created_at, changed_at) values ($1, $2, $3, $4, $4)
         on conflict do nothing",
        order_id.uuid(),
        state.as_str(),
        reserved_by,
        at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what an order has reserved, all lines at once.
pub async fn insert_lines(db: &mut PgConnection, order_id: OrderId, lines: &Lines) -> Result<()> {
    let quantities: Vec<Quantity> = lines.as_slice().iter().map(|line| line.quantity).collect();
    sqlx::query!(
        "insert into reservation_line (order_id, sku, quantity)
         select $1, sku, quantity from unnest($2::text[], $3::integer[]) as line (sku, quantity)",
        order_id.uuid(),
        &lines.skus() as _,
        &quantities as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a reservation that is locked to another state.
pub async fn update_state(db: &mut PgConnection, order_id: OrderId, state: State, at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update reservation set state = $2, changed_at = $3 where order_id = $1",
        order_id.uuid(),
        state.as_str(),
        at
    )
    .execute(db)
    .await?;
    Ok(())
}
