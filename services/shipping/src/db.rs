//! The SQL: one function per question.

mod rates;
mod shipments;
mod tracking;

pub use rates::{list_countries, list_rates, list_rates_to, lock_tariff, update_rate};
pub use shipments::{
    Wanted, advance_shipment, cancel_shipment, find_shipment, find_shipment_by_tracking_number, find_state,
    insert_shipment, list_shipments,
};
pub use tracking::list_tracking_events;

/// What a column holds, as the domain's type. The constraints of the tables admit nothing that fails here.
fn column<T, U: TryInto<T>>(value: U) -> Result<T, sqlx::Error>
where
    U::Error: std::error::Error + Send + Sync + 'static,
{
    value.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The same for a name.
fn name<T: std::str::FromStr>(text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
