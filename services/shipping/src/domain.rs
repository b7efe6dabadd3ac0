//! The rules of shipping: what it costs, what may happen to a shipment, and when the answer is no.

mod amounts;
mod rate;
mod refusal;
mod shipment;
mod tracking;

pub use amounts::{Days, DaysError, Grams, GramsError, HEAVIEST};
pub use rate::{Country, Rate, Service, ShippingOption, Zone, check_tariff, price, quote};
pub use refusal::Refusal;
pub use shipment::{Booking, Shipment, State, Step};
pub use tracking::{TrackingEvent, TrackingNumber, TrackingNumberError};

/// The text names no state, service or zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name: {0}")]
pub struct UnknownName(String);
