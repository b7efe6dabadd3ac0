//! What an operation asks of its caller.

use web::Permission;

/// The scopes of this service, for the contract.
pub const SCOPES: &[(&str, &str)] = &[
    ("shipping:read", "See rates, quotes and shipments: customers their own, staff all"),
    ("shipping:write", "Change rates, dispatch and deliver: staff"),
    ("shipping:book", "Book and cancel shipments: the order service"),
    ("shipping:operate", "Inspect and redrive dead letters: operators"),
];

/// See rates, quotes and shipments.
pub struct Read;

impl Permission for Read {
    const SCOPE: &'static str = "shipping:read";
}

/// Change rates, dispatch and deliver.
pub struct Write;

impl Permission for Write {
    const SCOPE: &'static str = "shipping:write";
    const ROLES: &'static [&'static str] = &["staff", "operator"];
}

/// Book and cancel.
pub struct Book;

impl Permission for Book {
    const SCOPE: &'static str = "shipping:book";
}
