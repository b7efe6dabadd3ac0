//! When shipping says no, and the facts that go with it.

use contracts::Money;

use super::{Grams, State};

/// A refusal on purpose: the request was understood, and the answer is no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The carrier does not go there.
    #[error("no carrier goes to {country}")]
    UnserviceableAddress { country: String },
    /// The parcel is heavier than the carrier takes.
    #[error("a parcel of {weight} is heavier than the {limit} the carrier takes")]
    Overweight { weight: Grams, limit: Grams },
    /// The price the customer accepted is not today's.
    #[error("the accepted price is {quoted}, the current one {current}")]
    PriceMismatch { quoted: Money, current: Money },
    /// The same order was booked before, differently.
    #[error("this order's shipment was booked with other contents")]
    ConflictingRequest,
    /// The shipment was cancelled, maybe before it was booked.
    #[error("this order's shipment was cancelled")]
    ShipmentCancelled,
    /// Too late to cancel.
    #[error("the parcel has left the warehouse")]
    AlreadyDispatched { state: State },
    /// Too early to dispatch: the order is not confirmed.
    #[error("the parcel is not prepared")]
    NotPrepared { state: State },
    /// Too early to deliver.
    #[error("the parcel has not left the warehouse")]
    NotDispatched { state: State },
    /// A rate would make a heavier parcel cheaper than a lighter one.
    #[error("parcels up to {heavier} would cost less than parcels up to {lighter}")]
    PriceFallsWithWeight { lighter: Grams, heavier: Grams },
    /// Nothing travels for nothing.
    #[error("{price} is not more than nothing")]
    PriceNotPositive { price: Money },
    /// Rates are in one currency.
    #[error("rates are in EUR")]
    UnsupportedCurrency { currency: contracts::Currency },
}
