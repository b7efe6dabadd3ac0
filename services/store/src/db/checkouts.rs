//! Checkouts: one row per order, for ever.

use contracts::{CartId, CustomerId, OrderId};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use crate::domain::{Checkout, CheckoutRequest, CheckoutState, Snapshot};

struct Row {
    order_id: OrderId,
    cart: Option<CartId>,
    customer: Option<CustomerId>,
    state: String,
    snapshot: Option<Json<Snapshot>>,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl From<Row> for Checkout {
    fn from(row: Row) -> Self {
        let request = row.cart.zip(row.customer);
        Self {
            order_id: row.order_id,
            state: if row.state == "reopened" { CheckoutState::Reopened } else { CheckoutState::Done },
            request: request.map(|(cart_id, customer_id)| CheckoutRequest { cart_id, customer_id }),
            snapshot: row.snapshot.map(|Json(snapshot)| snapshot),
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

/// The checkout of an order.
pub async fn find_checkout(db: &mut PgConnection, order: OrderId) -> database::Result<Option<Checkout>> {
    let row = sqlx::query_as!(
        Row,
        r#"select order_id as "order_id: OrderId", cart as "cart: CartId", customer as "customer: CustomerId", state,
             snapshot as "snapshot: Json<Snapshot>", created_at, changed_at
           from checkout where order_id = $1"#,
        order.uuid()
    );
    Ok(row.fetch_optional(db).await?.map(Into::into))
}

/// Up to `limit` checkouts, latest first, from before `before` on.
pub async fn list_checkouts(
    db: &mut PgConnection,
    before: Option<OrderId>,
    limit: i64,
) -> database::Result<Vec<Checkout>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select order_id as "order_id: OrderId", cart as "cart: CartId", customer as "customer: CustomerId", state,
             snapshot as "snapshot: Json<Snapshot>", created_at, changed_at
           from checkout
           where $1::uuid is null or order_id < $1
           order by order_id desc
           limit $2"#,
        before.map(OrderId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Keeps what an order was told; `false` if the order has a checkout already, be it only a tombstone.
pub async fn insert_checkout(
    db: &mut PgConnection,
    request: CheckoutRequest,
    snapshot: &Snapshot,
    now: OffsetDateTime,
) -> database::Result<bool> {
    let done = sqlx::query!(
        "insert into checkout (order_id, cart, customer, state, snapshot, created_at, changed_at)
         values ($1, $2, $3, 'done', $4, $5, $5)
         on conflict (order_id) do nothing",
        snapshot.order_id.uuid(),
        request.cart_id.uuid(),
        request.customer_id.uuid(),
        Json(snapshot) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks the checkout of an order as undone, or leaves a tombstone where there is none yet. Answers the cart that
/// must be given back.
pub async fn undo_checkout(
    db: &mut PgConnection,
    order: OrderId,
    now: OffsetDateTime,
) -> database::Result<Option<CartId>> {
    let cart = sqlx::query_scalar!(
        r#"insert into checkout as mine (order_id, state, created_at, changed_at) values ($1, 'reopened', $2, $2)
           on conflict (order_id) do update set state = 'reopened', changed_at = $2 where mine.state = 'done'
           returning cart as "cart: CartId""#,
        order.uuid(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(cart.flatten())
}
