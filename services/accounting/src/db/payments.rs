//! Table `payment`. A state changes only by a conditional update: of two that want to change it, one does.

use contracts::{Currency, CustomerId, Money, OrderId};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use super::name;
use crate::domain::{Decline, Method, Payment, State};

struct PaymentRow {
    order_id: OrderId,
    customer_id: Option<CustomerId>,
    amount: Option<i64>,
    currency: Option<String>,
    method: Option<String>,
    state: String,
    decline: Option<Json<Decline>>,
    created_at: OffsetDateTime,
    authorized_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    captured_at: Option<OffsetDateTime>,
    voided_at: Option<OffsetDateTime>,
    refunded_at: Option<OffsetDateTime>,
    invoice_number: Option<String>,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = sqlx::Error;

    fn try_from(row: PaymentRow) -> Result<Self, sqlx::Error> {
        let currency = row.currency.as_deref().map(name).transpose()?;
        Ok(Self {
            order_id: row.order_id,
            customer_id: row.customer_id,
            amount: row.amount.zip(currency).map(|(amount, currency)| Money::new(amount, currency)),
            method: row.method.as_deref().map(name).transpose()?,
            state: name(&row.state)?,
            decline: row.decline.map(|decline| decline.0),
            created_at: row.created_at,
            authorized_at: row.authorized_at,
            expires_at: row.expires_at,
            captured_at: row.captured_at,
            voided_at: row.voided_at,
            refunded_at: row.refunded_at,
            invoice_number: row.invoice_number,
        })
    }
}

/// Which payments a list shows.
pub struct WantedPayments {
    /// Of this customer only.
    pub customer_id: Option<CustomerId>,
    /// In this state only.
    pub state: Option<State>,
    /// Only those before this order.
    pub before: Option<OrderId>,
}

/// A step of a payment from one state to another.
#[derive(Clone, Copy)]
pub struct Progress {
    pub from: State,
    pub to: State,
    /// Why, if it is declined.
    pub decline: Option<Decline>,
    pub now: OffsetDateTime,
    /// When the authorization ends, if it is authorized.
    pub expires_at: OffsetDateTime,
}

/// The payment of an order.
pub async fn find_payment(db: &mut PgConnection, order_id: OrderId) -> database::Result<Option<Payment>> {
    let row = sqlx::query_as!(
        PaymentRow,
        r#"SELECT order_id AS "order_id: _", customer_id AS "customer_id: _", amount, currency, method, state,
                  decline AS "decline: _", created_at, authorized_at, expires_at, captured_at, voided_at, refunded_at,
                  (SELECT number FROM invoice WHERE invoice.order_id = payment.order_id) AS invoice_number
           FROM payment WHERE order_id = $1"#,
        order_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Payment::try_from).transpose()?)
}

/// The payment of an order, which stays as it is until the transaction ends.
pub async fn lock_payment(db: &mut PgConnection, order_id: OrderId) -> database::Result<Option<Payment>> {
    let row = sqlx::query_as!(
        PaymentRow,
        r#"SELECT order_id AS "order_id: _", customer_id AS "customer_id: _", amount, currency, method, state,
                  decline AS "decline: _", created_at, authorized_at, expires_at, captured_at, voided_at, refunded_at,
                  (SELECT number FROM invoice WHERE invoice.order_id = payment.order_id) AS invoice_number
           FROM payment WHERE order_id = $1 FOR UPDATE"#,
        order_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Payment::try_from).transpose()?)
}

/// Payments, newest order first.
pub async fn list_payments(
    db: &mut PgConnection,
    wanted: &WantedPayments,
    limit: i64,
) -> database::Result<Vec<Payment>> {
    let rows = sqlx::query_as!(
        PaymentRow,
        r#"SELECT order_id AS "order_id: _", customer_id AS "customer_id: _", amount, currency, method, state,
                  decline AS "decline: _", created_at, authorized_at, expires_at, captured_at, voided_at, refunded_at,
                  (SELECT number FROM invoice WHERE invoice.order_id = payment.order_id) AS invoice_number
           FROM payment
           WHERE ($1::uuid IS NULL OR customer_id = $1)
             AND ($2::text IS NULL OR state = $2)
             AND ($3::uuid IS NULL OR order_id < $3)
           ORDER BY order_id DESC LIMIT $4"#,
        wanted.customer_id.map(CustomerId::uuid),
        wanted.state.map(State::as_str),
        wanted.before.map(OrderId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Payment::try_from(row).map_err(Into::into)).collect()
}

/// Whether something that a customer bought on account in this currency may still be refunded.
pub async fn refundable_on_account(
    db: &mut PgConnection,
    customer_id: CustomerId,
    currency: Currency,
) -> database::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT exists (SELECT FROM payment
           WHERE customer_id = $1 AND currency = $2 AND method = 'tok_on_account'
             AND state IN ('captured', 'refunding')) AS "found!""#,
        customer_id.uuid(),
        currency.code(),
    );
    Ok(found.fetch_one(db).await?)
}

/// Writes a payment or a tombstone down; `false` if the order has either already.
pub async fn insert_payment(db: &mut PgConnection, new: &Payment) -> database::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO payment (order_id, customer_id, amount, currency, method, state, created_at, voided_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_id) DO NOTHING",
        new.order_id.uuid(),
        new.customer_id.map(CustomerId::uuid),
        new.amount.map(|money| money.amount),
        new.amount.map(|money| money.currency.code()),
        new.method.map(Method::as_str),
        new.state.as_str(),
        new.created_at,
        new.voided_at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a step if the payment is where the step starts; `None` if it is elsewhere by now.
pub async fn advance_payment(
    db: &mut PgConnection,
    order_id: OrderId,
    step: Progress,
) -> database::Result<Option<Payment>> {
    let row = sqlx::query_as!(
        PaymentRow,
        r#"UPDATE payment SET state = $3, decline = $4,
               authorized_at = CASE $3 WHEN 'authorized' THEN $5 ELSE authorized_at END,
               expires_at = CASE $3 WHEN 'authorized' THEN $6 ELSE expires_at END,
               captured_at = CASE $3 WHEN 'captured' THEN $5 ELSE captured_at END,
               voided_at = CASE $3 WHEN 'voided' THEN $5 ELSE voided_at END,
               refunded_at = CASE $3 WHEN 'refunded' THEN $5 ELSE refunded_at END
           WHERE order_id = $1 AND state = $2
           RETURNING order_id AS "order_id: _", customer_id AS "customer_id: _", amount, currency, method, state,
                  decline AS "decline: _", created_at, authorized_at, expires_at, captured_at, voided_at, refunded_at,
                  (SELECT number FROM invoice WHERE invoice.order_id = payment.order_id) AS invoice_number"#,
        order_id.uuid(),
        step.from.as_str(),
        step.to.as_str(),
        step.decline.map(Json) as _,
        step.now,
        step.expires_at,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Payment::try_from).transpose()?)
}
