//! The participants as the model knows them: what stands at each, and how it answers. They keep what the real ones keep
//! in their databases; a crash loses nothing of it.

use axum::http::Method;
use order::saga::Call;

/// Store, inventory, accounting, shipping.
pub const SERVICES: [&str; 4] = ["store", "inventory", "accounting", "shipping"];
pub const ACCOUNTING: usize = 2;
pub const SHIPPING: usize = 3;

/// What is asked of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Make,
    TakeBack,
    Capture,
    Refund,
}

/// What stands at a participant for this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    Nothing,
    /// Refused, and remembered.
    Declined,
    Made,
    CaptureDeclined,
    Captured,
    Refunded,
    /// The parcel has left.
    Dispatched,
    /// Taken back, or the tombstone of what was never made.
    TakenBack,
}

impl Effect {
    /// Whether something is kept for the order or has been taken from the customer.
    pub fn stands(self) -> bool {
        matches!(self, Self::Made | Self::CaptureDeclined | Self::Captured | Self::Dispatched)
    }
}

/// How the participants of a model behave.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Whether what is taken back before it was made is remembered.
    pub tombstones: bool,
    /// Whether accounting remembers that a capture was declined.
    pub declined_captures_last: bool,
}

impl Manners {
    /// As the real ones behave.
    pub const REAL: Self = Self { tombstones: true, declined_captures_last: true };

    /// What the request leads to, and whether the answer is yes. `unwilling`: refused if it can be. None if being
    /// unwilling makes no difference, so that the case is not looked at twice.
    pub fn answer(self, service: usize, stands: Effect, verb: Verb, unwilling: bool) -> Option<(Effect, bool)> {
        let may_refuse = matches!((verb, stands), (Verb::Make, Effect::Nothing) | (Verb::Capture, Effect::Made));
        if unwilling {
            return may_refuse.then(|| (self.refused(service, stands), false));
        }
        let (leads_to, yes) = match verb {
            Verb::Make if stands == Effect::Nothing => (Effect::Made, true),
            Verb::Make => (stands, !matches!(stands, Effect::TakenBack | Effect::Declined)),
            Verb::TakeBack => match stands {
                Effect::Nothing if !self.tombstones => (Effect::Nothing, true),
                Effect::Captured | Effect::Refunded | Effect::Dispatched => (stands, false),
                _ => (Effect::TakenBack, true),
            },
            Verb::Capture if stands == Effect::Made => (Effect::Captured, true),
            Verb::Capture => (stands, matches!(stands, Effect::Captured | Effect::Refunded)),
            Verb::Refund if stands == Effect::Captured => (Effect::Refunded, true),
            Verb::Refund => (stands, stands == Effect::Refunded),
        };
        Some((leads_to, yes))
    }

    fn refused(self, service: usize, stands: Effect) -> Effect {
        match stands {
            Effect::Made if self.declined_captures_last => Effect::CaptureDeclined,
            // Accounting remembers. The others do not: the next request may find what was short.
            Effect::Nothing if service == ACCOUNTING => Effect::Declined,
            _ => stands,
        }
    }
}

/// Whom a call of a saga's table goes to, and what it asks.
pub fn understand(call: &Call) -> (usize, Verb) {
    let service = SERVICES.iter().position(|name| *name == call.service).expect("a service of the model");
    let verb = match (&call.method, call.path.rsplit('/').next()) {
        (&Method::PUT, _) => Verb::Make,
        (&Method::DELETE, _) => Verb::TakeBack,
        (&Method::POST, Some("capture")) => Verb::Capture,
        (&Method::POST, Some("refund")) => Verb::Refund,
        _ => panic!("a call that the model does not know: {call:?}"),
    };
    (service, verb)
}
