//! The payment of one order, and where it may go from here.
//!
//! ```text
//! authorizing ──► authorized ──► capturing ──► captured ──► refunding ──► refunded
//!   │   │           │   ▲            └► capture_declined ─┐
//!   │   └► declined │                                     │
//!   └───────────────┴─────────► voiding ──► voided ◄──────┘ (through voiding)
//! ```
//!
//! A state in -ing is an intent, written before the provider is asked. Whoever finds one asks the provider again with
//! the same key and goes on from its answer: no crash, silence or parallel request leaves a payment in between.

use std::str::FromStr;

use contracts::{CustomerId, Money, OrderId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Amount, Method, Refusal, UnknownName};

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The provider is being asked to authorize.
    Authorizing,
    /// The money is set aside.
    Authorized,
    /// The authorization was refused.
    Declined,
    /// The provider is being asked for the money.
    Capturing,
    /// The provider does not hand the money over.
    CaptureDeclined,
    /// The money is taken.
    Captured,
    /// The provider is being asked to let the money go.
    Voiding,
    /// The money was let go, or may never be set aside.
    Voided,
    /// The provider is being asked to give the money back.
    Refunding,
    /// The money was given back.
    Refunded,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub customer_id: CustomerId,
    pub amount: Amount,
    pub method: Method,
}

/// The payment of one order. A void that came before its authorization has left neither customer nor amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Payment {
    pub order_id: OrderId,
    pub customer_id: Option<CustomerId>,
    pub amount: Option<Money>,
    pub method: Option<Method>,
    pub state: State,
    /// Why it was declined.
    pub decline: Option<Decline>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub authorized_at: Option<OffsetDateTime>,
    /// An authorization is captured before this time or not at all.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub captured_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub voided_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub refunded_at: Option<OffsetDateTime>,
    /// Absent until the order is invoiced.
    pub invoice_number: Option<String>,
}

/// Why an authorization was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(example = json!({"code": "payment_declined"}))]
pub enum Decline {
    /// The bank says no.
    PaymentDeclined,
    /// The customer does not have the money.
    InsufficientFunds,
    /// The customer's credit does not reach.
    OverCreditLimit {
        limit: Money,
        /// Captured and not yet paid.
        outstanding: Money,
        /// Authorized and not yet captured.
        held: Money,
        wanted: Money,
    },
}

/// What a command does next with a payment that it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is as the command wants it.
    Done,
    /// The command is refused.
    Refuse(Refusal),
    /// Write down the intent, if the payment is still as it was found.
    Begin(State),
    /// Ask the provider about the intent that is written down.
    Settle,
}

/// What the provider said to an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// It is not done, and why.
    Declined(Decline),
    /// The charge was voided before.
    Voided,
}

/// `PUT`: with the terms that were asked for before, or else refused.
pub fn authorize(payment: &Payment, terms: &Terms) -> Next {
    if payment.terms().is_some_and(|known| known != *terms) {
        return Next::Refuse(Refusal::ConflictingRequest { name: format!("order {}", payment.order_id) });
    }
    match (payment.state, payment.decline) {
        (State::Authorizing, _) => Next::Settle,
        (State::Declined, Some(decline)) => Next::Refuse(Refusal::Declined(decline)),
        (State::Voiding | State::Voided, _) => Next::Refuse(Refusal::Voided { order_id: payment.order_id }),
        _ => Next::Done,
    }
}

/// `POST …/capture`, at `now`.
pub fn capture(payment: &Payment, now: OffsetDateTime) -> Next {
    let order_id = payment.order_id;
    match payment.state {
        State::Authorized => match payment.expires_at {
            Some(expired_at) if expired_at <= now => Next::Refuse(Refusal::AuthorizationExpired { expired_at }),
            _ => Next::Begin(State::Capturing),
        },
        State::Authorizing | State::Capturing => Next::Settle,
        State::Captured | State::Refunding | State::Refunded => Next::Done,
        State::Declined => match payment.decline {
            Some(decline) => Next::Refuse(Refusal::Declined(decline)),
            None => Next::Refuse(Refusal::CaptureDeclined { order_id }),
        },
        State::CaptureDeclined => Next::Refuse(Refusal::CaptureDeclined { order_id }),
        State::Voiding | State::Voided => Next::Refuse(Refusal::Voided { order_id }),
    }
}

/// `DELETE`. It does not wait for an authorization on its way, but for a capture: that one may have taken the money.
pub fn void(payment: &Payment) -> Next {
    match payment.state {
        State::Authorizing | State::Authorized | State::CaptureDeclined => Next::Begin(State::Voiding),
        State::Capturing | State::Voiding => Next::Settle,
        State::Declined | State::Voided => Next::Done,
        State::Captured | State::Refunding | State::Refunded => {
            Next::Refuse(Refusal::AlreadyCaptured { order_id: payment.order_id })
        }
    }
}

/// `POST …/refund`.
pub fn refund(payment: &Payment) -> Next {
    match payment.state {
        State::Captured => Next::Begin(State::Refunding),
        State::Capturing | State::Refunding => Next::Settle,
        State::Refunded => Next::Done,
        state => Next::Refuse(Refusal::NotCaptured { state }),
    }
}

/// Where the provider's reply leads from an intent. None where it can lead nowhere: the provider contradicts itself.
pub fn after(intent: State, reply: Reply) -> Option<State> {
    match (intent, reply) {
        (State::Authorizing, Reply::Done) => Some(State::Authorized),
        (State::Authorizing, Reply::Declined(_)) => Some(State::Declined),
        (State::Authorizing | State::Voiding, Reply::Voided) | (State::Voiding, Reply::Done) => Some(State::Voided),
        (State::Capturing, Reply::Done) => Some(State::Captured),
        (State::Capturing, Reply::Declined(_)) => Some(State::CaptureDeclined),
        (State::Refunding, Reply::Done) => Some(State::Refunded),
        _ => None,
    }
}

impl Payment {
    /// What was asked for; None if only a void was.
    pub fn terms(&self) -> Option<Terms> {
        let (customer_id, money, method) = (self.customer_id?, self.amount?, self.method?);
        Some(Terms { customer_id, amount: Amount::try_from(money).ok()?, method })
    }

    /// The tombstone that a void leaves when it comes first.
    pub fn never(order_id: OrderId, now: OffsetDateTime) -> Self {
        Self {
            order_id,
            customer_id: None,
            amount: None,
            method: None,
            state: State::Voided,
            decline: None,
            created_at: now,
            authorized_at: None,
            expires_at: None,
            captured_at: None,
            voided_at: Some(now),
            refunded_at: None,
            invoice_number: None,
        }
    }

    /// A payment that is about to be authorized.
    pub fn begun(order_id: OrderId, terms: Terms, now: OffsetDateTime) -> Self {
        Self {
            order_id,
            customer_id: Some(terms.customer_id),
            amount: Some(terms.amount.money()),
            method: Some(terms.method),
            state: State::Authorizing,
            decline: None,
            created_at: now,
            authorized_at: None,
            expires_at: None,
            captured_at: None,
            voided_at: None,
            refunded_at: None,
            invoice_number: None,
        }
    }
}

impl Decline {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PaymentDeclined => "payment_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::OverCreditLimit { .. } => "over_credit_limit",
        }
    }

    /// For people.
    pub fn reason(&self) -> String {
        match self {
            Self::PaymentDeclined => "the bank declined".to_owned(),
            Self::InsufficientFunds => "insufficient funds".to_owned(),
            Self::OverCreditLimit { limit, outstanding, held, wanted } => {
                format!("{wanted} is wanted; of the limit of {limit}, {outstanding} is owed and {held} is held")
            }
        }
    }
}

const STATES: [State; 10] = [
    State::Authorizing,
    State::Authorized,
    State::Declined,
    State::Capturing,
    State::CaptureDeclined,
    State::Captured,
    State::Voiding,
    State::Voided,
    State::Refunding,
    State::Refunded,
];

impl State {
    /// The state as it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorizing => "authorizing",
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Capturing => "capturing",
            Self::CaptureDeclined => "capture_declined",
            Self::Captured => "captured",
            Self::Voiding => "voiding",
            Self::Voided => "voided",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
        }
    }
}

impl FromStr for State {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = STATES.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownName::of("state of a payment", text))
    }
}

#[cfg(test)]
mod tests;
