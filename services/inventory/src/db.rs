//! The SQL: one function per question. Whoever locks, locks the reservation before the stock, and stock in the order
//! of its SKUs, so that nobody waits in a circle.

mod movements;
mod reservations;
mod stock;

use std::{error::Error, str::FromStr};

pub use movements::{find_by_reference, list_movements, save_changes};
pub use reservations::{
    find_reservation, insert_lines, insert_reservation, list_reservations, lock_reservation, update_state,
};
pub use stock::{find_stock, insert_stock, list_stock, lock_stock};

/// A word that a CHECK constraint lets into a column, as the type it stands for.
fn word<T>(text: &str) -> database::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    Ok(text.parse().map_err(|error: T::Err| sqlx::Error::Decode(error.into()))?)
}
