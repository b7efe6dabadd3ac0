//! Table `provider_charge`: the outside world. Each function is one statement and a transaction by itself, as a call
//! to another company would be; asked again with the same key, it has no second effect and gives the same answer.

use contracts::{Money, OrderId};
use sqlx::PgConnection;

use super::name;
use crate::domain::ChargeState;

/// Sets the money aside, or not, as `outcome` says, unless the key was used before. Also tells how often it was used.
pub async fn authorize_charge(
    db: &mut PgConnection,
    key: OrderId,
    amount: Money,
    outcome: ChargeState,
) -> database::Result<(ChargeState, i32)> {
    let row = sqlx::query!(
        "INSERT INTO provider_charge (key, amount, currency, state) VALUES ($1, $2, $3, $4)
         ON CONFLICT (key) DO UPDATE SET calls = provider_charge.calls + 1 RETURNING state, calls",
        key.uuid(),
        amount.amount,
        amount.currency.code(),
        outcome.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok((name(&row.state)?, row.calls))
}

/// Hands over the money that is set aside, if the provider is `willing`.
pub async fn capture_charge(db: &mut PgConnection, key: OrderId, willing: bool) -> database::Result<ChargeState> {
    let row = sqlx::query!(
        "UPDATE provider_charge SET calls = calls + 1,
             moved = CASE WHEN state = 'authorized' AND $2 THEN amount ELSE moved END,
             state = CASE WHEN state = 'authorized' AND $2 THEN 'captured' ELSE state END
         WHERE key = $1 RETURNING state",
        key.uuid(),
        willing,
    )
    .fetch_one(db)
    .await?;
    Ok(name(&row.state)?)
}

/// Lets the money go. A key that was never used is voided too: the authorization that comes late finds it so.
pub async fn void_charge(db: &mut PgConnection, key: OrderId) -> database::Result<ChargeState> {
    let row = sqlx::query!(
        "INSERT INTO provider_charge (key, state) VALUES ($1, 'voided')
         ON CONFLICT (key) DO UPDATE SET calls = provider_charge.calls + 1,
             state = CASE WHEN provider_charge.state IN ('authorized', 'declined', 'insufficient_funds')
                          THEN 'voided' ELSE provider_charge.state END
         RETURNING state",
        key.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(name(&row.state)?)
}

/// Gives the money back.
pub async fn refund_charge(db: &mut PgConnection, key: OrderId) -> database::Result<ChargeState> {
    let row = sqlx::query!(
        "UPDATE provider_charge SET calls = calls + 1,
             moved = CASE state WHEN 'captured' THEN moved - amount ELSE moved END,
             state = CASE state WHEN 'captured' THEN 'refunded' ELSE state END
         WHERE key = $1 RETURNING state",
        key.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(name(&row.state)?)
}
