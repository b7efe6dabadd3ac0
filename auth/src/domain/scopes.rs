//! Scopes: which there are, which are asked for, and what remains of them.

use std::{collections::BTreeSet, fmt};

use crate::domain::{Code, Refusal};

/// The services that a token can be exchanged for, each with the scopes it knows.
pub const SERVICES: &[(&str, &[&str])] = &[
    ("store", &["store:read", "store:write", "store:checkout", "store:operate"]),
    ("inventory", &["inventory:read", "inventory:write", "inventory:reserve", "inventory:operate"]),
    ("accounting", &["accounting:read", "accounting:write", "accounting:pay", "accounting:operate"]),
    ("shipping", &["shipping:read", "shipping:write", "shipping:book", "shipping:operate"]),
    ("order", &["order:read", "order:write", "order:operate"]),
    ("gateway", &["gateway:operate"]),
];

/// The scope of whoever looks behind this service itself and interferes with it. No token is exchanged for it.
pub const OPERATE: &str = "auth:operate";

/// The scopes that speak of the user and not of a service (OpenID Connect Core, sections 5.4 and 11).
pub const ABOUT_THE_USER: &[&str] = &["openid", "profile", "email", "address", "phone", "offline_access"];

/// A set of scopes, in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a space-separated list (RFC 6749, section 3.3). Unknown scopes are let through: they fall away when the
    /// set is narrowed to what the client and the user may have.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let legal = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        text.split(' ')
            .filter(|token| !token.is_empty())
            .map(|token| token.chars().all(legal).then(|| token.to_owned()))
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| Code::InvalidScope.because("scope is a list of scope tokens separated by single spaces"))
    }

    /// The set of these scopes.
    pub fn of<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Self {
        Self(scopes.into_iter().map(str::to_owned).collect())
    }

    /// What both sets hold.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What either set holds.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The scopes of one service: those that start with its name and a colon.
    #[must_use]
    pub fn of_service(&self, service: &str) -> Self {
        let belongs = |scope: &&String| scope.split_once(':').is_some_and(|(owner, _)| owner == service);
        Self(self.0.iter().filter(belongs).cloned().collect())
    }

    /// The same, for a client that is not to act while the user is away (OpenID Connect Core, section 11).
    #[must_use]
    pub fn without_offline_access(mut self) -> Self {
        self.0.remove("offline_access");
        self
    }

    /// Whether the set holds the scope.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether all of these scopes are in `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// As they are stored.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

impl From<Vec<String>> for Scopes {
    fn from(scopes: Vec<String>) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a scope allows, for the person who is asked to allow it.
pub fn in_words(scope: &str) -> String {
    let said = match scope {
        "openid" => "Know that it is you",
        "profile" => "Know your name",
        "email" => "Know your email address",
        "address" => "Know where you live",
        "phone" => "Know your phone number",
        "offline_access" => "Go on while you are away",
        _ => return of_a_service(scope),
    };
    said.to_owned()
}

fn of_a_service(scope: &str) -> String {
    let (service, action) = scope.split_once(':').unwrap_or((scope, ""));
    let things = match service {
        "store" => "the catalogue and your carts",
        "inventory" => "what is in stock",
        "accounting" => "your payments and invoices",
        "shipping" => "your parcels",
        "order" => "your orders",
        other => other,
    };
    match action {
        "read" => format!("See {things}"),
        "write" => format!("See and change {things}"),
        "operate" => format!("Operate the service {service}"),
        _ => format!("Use {scope}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_gets_the_scopes_with_its_own_name_only() {
        let scopes = Scopes::parse("inventory:read order:read inventoryx:read openid inventory").unwrap();
        assert_eq!(scopes.of_service("inventory"), Scopes::of(["inventory:read"]));
    }

    #[test]
    fn every_scope_that_a_user_can_allow_is_said_in_words() {
        for (_, scopes) in SERVICES {
            for scope in *scopes {
                assert!(!in_words(scope).is_empty() && !in_words(scope).starts_with(scope), "{scope}");
            }
        }
        assert!(ABOUT_THE_USER.iter().all(|scope| !in_words(scope).starts_with("Use ")));
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let scopes = Scopes::parse("order:read  openid order:read").unwrap();
        assert_eq!(scopes.to_string(), "openid order:read");
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for text in ["a\"b", "a\\b", "ä", "a\tb", "a\nb"] {
            assert_eq!(Scopes::parse(text).unwrap_err().code, Code::InvalidScope, "{text:?}");
        }
    }
}
