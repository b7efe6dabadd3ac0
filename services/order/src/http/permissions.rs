//! What an operation asks of its caller.

use web::Permission;

/// The scopes of this service, for the contract.
pub const SCOPES: &[(&str, &str)] = &[
    ("order:read", "See orders and follow them: customers their own, staff all"),
    ("order:write", "Place and cancel orders: customers their own; staff cancel all"),
    ("order:operate", "See how sagas go, retry or settle what is stuck, inspect and redrive dead letters: operators"),
];

/// See orders.
pub struct Read;

impl Permission for Read {
    const SCOPE: &'static str = "order:read";
}

/// Cancel orders.
pub struct Write;

impl Permission for Write {
    const SCOPE: &'static str = "order:write";
}

/// Place orders.
pub struct Place;

impl Permission for Place {
    const SCOPE: &'static str = "order:write";
    const ROLES: &'static [&'static str] = &["customer"];
}

/// See how sagas go, and handle what is stuck.
pub struct Operate;

impl Permission for Operate {
    const SCOPE: &'static str = "order:operate";
    const ROLES: &'static [&'static str] = &["operator"];
}
