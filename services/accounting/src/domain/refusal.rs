//! The ways in which accounting says no, each with the facts that the caller needs.

use contracts::{Currency, Money, OrderId};
use time::OffsetDateTime;

use super::{Decline, EntryId, State};

/// Why accounting refuses. Nothing has changed when it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The authorization was refused.
    #[error("the authorization was refused: {}", .0.reason())]
    Declined(Decline),
    /// The payment was voided, perhaps before it was asked for, and does not come back.
    #[error("the payment of order {order_id} has been voided")]
    Voided { order_id: OrderId },
    /// The money was taken; it can only be refunded.
    #[error("the payment of order {order_id} has been captured")]
    AlreadyCaptured { order_id: OrderId },
    /// The provider does not hand over the authorized money.
    #[error("the capture of the payment of order {order_id} was refused")]
    CaptureDeclined { order_id: OrderId },
    /// The authorization was not captured in time.
    #[error("the authorization expired at {expired_at}")]
    AuthorizationExpired { expired_at: OffsetDateTime },
    /// There is nothing to refund.
    #[error("the payment is {}, not captured", state.as_str())]
    NotCaptured { state: State },
    /// The same id was used before, with another content.
    #[error("{name} was used before with another content")]
    ConflictingRequest { name: String },
    /// The postings of an entry do not sum to zero.
    #[error("the postings in {currency} sum to {difference}, not to zero")]
    Unbalanced { currency: Currency, difference: i64 },
    /// The entry cannot be formed.
    #[error("{why}")]
    InvalidEntry { field: String, why: &'static str },
    /// The chart has no such account in that currency.
    #[error("there is no account {account} in {currency}")]
    UnknownAccount { account: String, currency: Currency },
    /// The entry follows from a payment, an invoice or a receipt, or is a reversal itself.
    #[error("entry {id} is not a manual entry")]
    NotReversible { id: EntryId },
    /// The customer cannot change to another currency while something is open or may be refunded in this one.
    #[error("the account is kept in {currency}, and something is open or may be refunded in it")]
    CurrencyInUse { currency: Currency },
    /// More was paid than is owed.
    #[error("{paid} was paid and {owed} is owed")]
    MoreThanOwed { paid: Money, owed: Money },
}
