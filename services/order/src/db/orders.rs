//! Orders.

use std::collections::BTreeMap;

use contracts::{Address, CustomerId, OrderId};
use database::Result;
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::Name,
    domain::{Basket, Facts, Order, Shipping, State},
};

struct Row {
    id: Uuid,
    customer_id: Uuid,
    state: Name<State>,
    cart_id: Uuid,
    ship_to: Json<Address>,
    shipping: Json<Shipping>,
    payment_method: String,
    basket: Option<Json<Basket>>,
    facts: Json<Facts>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for Order {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            customer_id: row.customer_id.into(),
            state: row.state.0,
            cart_id: row.cart_id.into(),
            ship_to: row.ship_to.0,
            shipping: row.shipping.0,
            payment_method: row.payment_method,
            basket: row.basket.map(|basket| basket.0),
            facts: row.facts.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Inserts a new order.
pub async fn insert_order(db: &mut PgConnection, order: &Order) -> Result<()> {
    sqlx::query!(
        "INSERT INTO orders (id, customer_id, state, cart_id, ship_to, shipping, payment_method, facts,
                             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        order.id.uuid(),
        order.customer_id.uuid(),
        Name(order.state) as _,
        order.cart_id.uuid(),
        Json(&order.ship_to) as _,
        Json(&order.shipping) as _,
        order.payment_method,
        Json(&order.facts) as _,
        order.created_at,
        order.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The order, if it is there and `owner` may see it; without an owner everybody's may be seen.
pub async fn find_order(db: &mut PgConnection, id: OrderId, owner: Option<CustomerId>) -> Result<Option<Order>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, customer_id, state AS "state: Name<State>", cart_id, ship_to AS "ship_to: Json<Address>",
                  shipping AS "shipping: Json<Shipping>", payment_method, basket AS "basket: Json<Basket>",
                  facts AS "facts: Json<Facts>", created_at, updated_at
           FROM orders WHERE id = $1 AND ($2::uuid IS NULL OR customer_id = $2)"#,
        id.uuid(),
        owner.map(CustomerId::uuid),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Order::from))
}

/// The orders that are there.
pub async fn find_orders(db: &mut PgConnection, ids: &[OrderId]) -> Result<Vec<Order>> {
    let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, customer_id, state AS "state: Name<State>", cart_id, ship_to AS "ship_to: Json<Address>",
                  shipping AS "shipping: Json<Shipping>", payment_method, basket AS "basket: Json<Basket>",
                  facts AS "facts: Json<Facts>", created_at, updated_at
           FROM orders WHERE id = ANY($1)"#,
        &ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Order::from).collect())
}

/// The order, as [`find_order`], with the row locked until the end of the transaction.
pub async fn lock_order(db: &mut PgConnection, id: OrderId, owner: Option<CustomerId>) -> Result<Option<Order>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, customer_id, state AS "state: Name<State>", cart_id, ship_to AS "ship_to: Json<Address>",
                  shipping AS "shipping: Json<Shipping>", payment_method, basket AS "basket: Json<Basket>",
                  facts AS "facts: Json<Facts>", created_at, updated_at
           FROM orders WHERE id = $1 AND ($2::uuid IS NULL OR customer_id = $2) FOR NO KEY UPDATE"#,
        id.uuid(),
        owner.map(CustomerId::uuid),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Order::from))
}

/// Saves what changed in a locked order.
pub async fn update_order(db: &mut PgConnection, order: &Order) -> Result<()> {
    sqlx::query!(
        "UPDATE orders SET state = $2, facts = $3, updated_at = $4 WHERE id = $1",
        order.id.uuid(),
        Name(order.state) as _,
        Json(&order.facts) as _,
        order.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Orders, newest first, from the one after `after`: of `owner` or of everybody, in `state` or in any.
pub async fn list_orders(
    db: &mut PgConnection,
    owner: Option<CustomerId>,
    state: Option<State>,
    after: Option<OrderId>,
    rows: i64,
) -> Result<Vec<Order>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, customer_id, state AS "state: Name<State>", cart_id, ship_to AS "ship_to: Json<Address>",
                  shipping AS "shipping: Json<Shipping>", payment_method, basket AS "basket: Json<Basket>",
                  facts AS "facts: Json<Facts>", created_at, updated_at
           FROM orders
           WHERE ($1::uuid IS NULL OR customer_id = $1) AND ($2::text IS NULL OR state = $2)
             AND ($3::uuid IS NULL OR id < $3)
           ORDER BY id DESC LIMIT $4"#,
        owner.map(CustomerId::uuid),
        state.map(State::as_str),
        after.map(OrderId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Order::from).collect())
}

/// Those of these orders that are there.
pub async fn list_these(db: &mut PgConnection, ids: &[OrderId]) -> Result<BTreeMap<OrderId, Order>> {
    Ok(find_orders(db, ids).await?.into_iter().map(|order| (order.id, order)).collect())
}
