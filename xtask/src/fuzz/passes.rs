//! Who tries what, and the one place of everything that is left out.

/// Everything with a contract.
pub const SERVICES: [&str; 9] =
    ["auth", "store", "inventory", "accounting", "shipping", "order", "gateway", "shop", "mobile"];

/// One contract as one caller.
pub struct Pass {
    pub service: &'static str,
    pub who: Who,
    /// Only the operations that ask for one of these scopes; empty: all.
    pub scopes: &'static [&'static str],
}

/// Whose credentials go with every request.
#[derive(Clone, Copy)]
pub enum Who {
    /// A user of the demonstration, by access token.
    User(&'static str),
    /// The client `order`, by access token: the only one who may do what a saga does.
    Order,
    /// The client `reporting`, by its secret: for auth's operations that ask for a client.
    Reporting,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::User(name) => name,
            Self::Order => "order",
            Self::Reporting => "reporting",
        }
    }
}

/// Each service is tried whole at least once: by olga, who may do all that a user may. What only `order` may do is
/// refused to her, so those operations are tried as `order` too.
pub const PASSES: &[Pass] = &[
    all("auth", Who::User("alice")),
    all("auth", Who::Reporting),
    all("store", Who::User("alice")),
    all("store", Who::User("olga")),
    only("store", &["store:checkout"]),
    all("inventory", Who::User("olga")),
    only("inventory", &["inventory:reserve"]),
    all("accounting", Who::User("olga")),
    only("accounting", &["accounting:pay"]),
    all("shipping", Who::User("olga")),
    only("shipping", &["shipping:book"]),
    all("order", Who::User("alice")),
    all("order", Who::User("olga")),
    all("gateway", Who::User("olga")),
    all("shop", Who::User("alice")),
    all("mobile", Who::User("alice")),
];

const fn all(service: &'static str, who: Who) -> Pass {
    Pass { service, who, scopes: &[] }
}

const fn only(service: &'static str, scopes: &'static [&'static str]) -> Pass {
    Pass { service, who: Who::Order, scopes }
}
