//! Table `customer_account`. Whoever uses credit locks the row first.

use contracts::{CustomerId, Money};
use sqlx::PgConnection;

use super::name;
use crate::domain::CustomerAccount;

struct CustomerAccountRow {
    customer_id: CustomerId,
    currency: String,
    credit_limit: i64,
    owed: i64,
    held: i64,
}

impl TryFrom<CustomerAccountRow> for CustomerAccount {
    type Error = sqlx::Error;

    fn try_from(row: CustomerAccountRow) -> Result<Self, sqlx::Error> {
        let currency = name(&row.currency)?;
        Ok(Self {
            customer_id: row.customer_id,
            credit_limit: Money::new(row.credit_limit, currency),
            outstanding: Money::new(row.owed, currency),
            held: Money::new(row.held, currency),
        })
    }
}

/// The account of a customer.
pub async fn find_customer_account(
    db: &mut PgConnection,
    customer_id: CustomerId,
) -> database::Result<Option<CustomerAccount>> {
    let row = sqlx::query_as!(
        CustomerAccountRow,
        r#"SELECT customer_id AS "customer_id: _", currency, credit_limit, owed, held
           FROM customer_account WHERE customer_id = $1"#,
        customer_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(CustomerAccount::try_from).transpose()?)
}

/// The account of a customer, which nobody else changes until the transaction ends.
pub async fn lock_customer_account(
    db: &mut PgConnection,
    customer_id: CustomerId,
) -> database::Result<Option<CustomerAccount>> {
    let row = sqlx::query_as!(
        CustomerAccountRow,
        r#"SELECT customer_id AS "customer_id: _", currency, credit_limit, owed, held
           FROM customer_account WHERE customer_id = $1 FOR UPDATE"#,
        customer_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(CustomerAccount::try_from).transpose()?)
}

/// Opens an account; `false` if the customer has one already.
pub async fn insert_customer_account(
    db: &mut PgConnection,
    customer_id: CustomerId,
    credit_limit: Money,
) -> database::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO customer_account (customer_id, currency, credit_limit) VALUES ($1, $2, $3)
         ON CONFLICT (customer_id) DO NOTHING",
        customer_id.uuid(),
        credit_limit.currency.code(),
        credit_limit.amount,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the limit of a customer.
pub async fn update_credit_limit(
    db: &mut PgConnection,
    customer_id: CustomerId,
    credit_limit: Money,
) -> database::Result<()> {
    sqlx::query!(
        "UPDATE customer_account SET currency = $2, credit_limit = $3 WHERE customer_id = $1",
        customer_id.uuid(),
        credit_limit.currency.code(),
        credit_limit.amount,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds to what a customer owes and to what is held, in minor units; negative amounts take away.
pub async fn change_balance(
    db: &mut PgConnection,
    customer_id: CustomerId,
    owed: i64,
    held: i64,
) -> database::Result<()> {
    sqlx::query!(
        "UPDATE customer_account SET owed = owed + $2, held = held + $3 WHERE customer_id = $1",
        customer_id.uuid(),
        owed,
        held,
    )
    .execute(db)
    .await?;
    Ok(())
}
