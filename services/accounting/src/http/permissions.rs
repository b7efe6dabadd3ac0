//! What an operation asks of its caller.

use axum::{extract::FromRequestParts, http::request::Parts};
use contracts::CustomerId;
use web::{Authenticated, Caller, Permission, Problem};

use crate::{App, domain::Payment};

/// The scopes of this service, for the contract.
pub const SCOPES: &[(&str, &str)] = &[
    (
        Read::SCOPE,
        "See payments and invoices: customers their own; staff all, and the ledger; usage: clients their own",
    ),
    (Write::SCOPE, "Make entries, give credit and record receipts: staff"),
    (Pay::SCOPE, "Authorize, capture, void and refund payments: the order service"),
    ("accounting:operate", "Inspect and redrive dead letters: operators"),
];

const STAFF: &[&str] = &["staff", "operator"];

/// See payments and invoices.
pub struct Read;

impl Permission for Read {
    const SCOPE: &'static str = "accounting:read";
}

/// See the ledger.
pub struct Audit;

impl Permission for Audit {
    const SCOPE: &'static str = "accounting:read";
    const ROLES: &'static [&'static str] = STAFF;
}

/// Make entries, give credit and record receipts.
pub struct Write;

impl Permission for Write {
    const SCOPE: &'static str = "accounting:write";
    const ROLES: &'static [&'static str] = STAFF;
}

/// Take money and give it back.
pub struct Pay;

impl Permission for Pay {
    const SCOPE: &'static str = "accounting:pay";
}

/// A caller who may see some usage statements: a client that acts for itself its own, staff all.
pub struct UsageViewer {
    /// This client's only.
    pub restricted_to: Option<String>,
}

impl FromRequestParts<App> for UsageViewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        caller.require_scope(Read::SCOPE)?;
        caller.require_role(STAFF)?;
        let restricted_to = caller.user().is_none().then_some(caller.client_id);
        Ok(Self { restricted_to })
    }
}

/// A caller who may see some payments: customers their own; staff, and whoever pays, all.
pub struct Viewer(Caller);

impl Viewer {
    /// Whether this payment is one of them.
    pub fn sees(&self, payment: &Payment) -> bool {
        match self.0.restricted_to() {
            None => true,
            Some(user) => payment.customer_id == Some(CustomerId::from(user)),
        }
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        caller.require_scope(Read::SCOPE).or_else(|_| caller.require_scope(Pay::SCOPE))?;
        Ok(Self(caller))
    }
}
