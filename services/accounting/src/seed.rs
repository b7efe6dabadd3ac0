//! The credit of the demonstration, given once however often the service starts.

use contracts::{Currency, Money, seed::ALICE};
use database::Pool;

use crate::db;

/// Alice may owe 500.00 EUR, unless staff have decided otherwise since.
pub async fn seed(pool: &Pool) -> database::Result<()> {
    let limit = Money::new(50_000, Currency::Eur);
    db::insert_customer_account(&mut *pool.single("seed credit").await?, ALICE, limit).await?;
    Ok(())
}
