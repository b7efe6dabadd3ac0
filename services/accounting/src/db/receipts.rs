//! Table `receipt`.

use contracts::{CustomerId, Money};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::name;
use crate::domain::{EntryId, Receipt};

struct ReceiptRow {
    id: Uuid,
    customer_id: CustomerId,
    amount: i64,
    currency: String,
    received_at: OffsetDateTime,
    entry_id: EntryId,
}

impl TryFrom<ReceiptRow> for Receipt {
    type Error = sqlx::Error;

    fn try_from(row: ReceiptRow) -> Result<Self, sqlx::Error> {
        let ReceiptRow { id, customer_id, amount, currency, received_at, entry_id } = row;
        Ok(Self { id, customer_id, amount: Money::new(amount, name(&currency)?), received_at, entry_id })
    }
}

/// The receipt with an id.
pub async fn find_receipt(db: &mut PgConnection, id: Uuid) -> database::Result<Option<Receipt>> {
    let row = sqlx::query_as!(
        ReceiptRow,
        r#"SELECT id, customer_id AS "customer_id: _", amount, currency, received_at, entry_id AS "entry_id: _"
           FROM receipt WHERE id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Receipt::try_from).transpose()?)
}

/// The receipts of a customer, by id.
pub async fn list_receipts(
    db: &mut PgConnection,
    customer_id: CustomerId,
    after: Option<Uuid>,
    limit: i64,
) -> database::Result<Vec<Receipt>> {
    let rows = sqlx::query_as!(
        ReceiptRow,
        r#"SELECT id, customer_id AS "customer_id: _", amount, currency, received_at, entry_id AS "entry_id: _"
           FROM receipt WHERE customer_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3"#,
        customer_id.uuid(),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Receipt::try_from(row).map_err(Into::into)).collect()
}

/// Writes a receipt down; `false` if its id is taken.
pub async fn insert_receipt(db: &mut PgConnection, new: &Receipt) -> database::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO receipt (id, customer_id, amount, currency, received_at, entry_id)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        new.id,
        new.customer_id.uuid(),
        new.amount.amount,
        new.amount.currency.code(),
        new.received_at,
        new.entry_id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
