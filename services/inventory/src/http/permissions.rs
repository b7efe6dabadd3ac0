//! What an operation asks of its caller.

use axum::{extract::FromRequestParts, http::request::Parts};
use web::{Authenticated, Caller, Permission, Problem};

use crate::{App, domain::Reservation};

/// The scopes of this service, for the contract.
pub const SCOPES: &[(&str, &str)] = &[
    (Read::SCOPE, "See stock; staff also movements and reservations"),
    (Write::SCOPE, "Receive and adjust stock: staff"),
    (Reserve::SCOPE, "Reserve and release stock, and see what one reserved: the order service"),
    ("inventory:operate", "Inspect and redrive dead letters: operators"),
];

const STAFF: &[&str] = &["staff", "operator"];

/// See stock.
pub struct Read;

impl Permission for Read {
    const SCOPE: &'static str = "inventory:read";
}

/// See movements and all reservations.
pub struct Audit;

impl Permission for Audit {
    const SCOPE: &'static str = "inventory:read";
    const ROLES: &'static [&'static str] = STAFF;
}

/// Receive and adjust stock.
pub struct Write;

impl Permission for Write {
    const SCOPE: &'static str = "inventory:write";
    const ROLES: &'static [&'static str] = STAFF;
}

/// Reserve and release.
pub struct Reserve;

impl Permission for Reserve {
    const SCOPE: &'static str = "inventory:reserve";
}

/// A caller who may see some reservations: who audits, all; who reserves, those reserved in their own name.
pub struct Viewer(Caller);

impl Viewer {
    /// Whether this reservation is one of them.
    pub fn sees(&self, reservation: &Reservation) -> bool {
        let audits = self.0.require_scope(Audit::SCOPE).is_ok() && self.0.restricted_to().is_none();
        audits || reservation.reserved_by == self.0.subject
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        caller.require_scope(Audit::SCOPE).or_else(|_| caller.require_scope(Reserve::SCOPE))?;
        Ok(Self(caller))
    }
}
