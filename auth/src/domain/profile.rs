//! What is known of a user, and what of it may be told (OpenID Connect Core, sections 5.1 and 5.4).

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Scopes, claims::scope_of};

/// What is known of a user.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The `sub`.
    pub id: Uuid,
    /// What is typed into the login form.
    pub username: String,
    /// The name to show.
    pub name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub email: String,
    pub email_verified: bool,
    /// As E.164 writes it.
    pub phone_number: Option<String>,
    pub phone_number_verified: bool,
    pub address: Option<PostalAddress>,
    /// When something of this last changed.
    pub updated_at: OffsetDateTime,
}

/// Where a user lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PostalAddress {
    /// All of it, as on an envelope.
    #[schema(example = "Marktplatz 1\n20095 Hamburg\nDE")]
    pub formatted: String,
    pub street_address: String,
    pub postal_code: String,
    pub locality: String,
    pub country: String,
}

impl PostalAddress {
    /// The address of these parts.
    pub fn of(street_address: String, postal_code: String, locality: String, country: String) -> Self {
        let formatted = format!("{street_address}\n{postal_code} {locality}\n{country}");
        Self { formatted, street_address, postal_code, locality, country }
    }
}

/// What is told of a user: with scope `profile` the names, `email` the mail address, `phone` the number, `address`
/// where they live; or what was asked for by name.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct UserClaims {
    /// The user's id: the same everywhere and for ever.
    #[schema(example = "01900000-0000-7000-8000-000000000001")]
    pub sub: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice Ashdown")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ashdown")]
    pub family_name: Option<String>,
    /// The name the user logs in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice")]
    pub preferred_username: Option<String>,
    /// When the profile last changed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice@example.com")]
    pub email: Option<String>,
    /// Somebody has made sure that the user reads mail there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+49 40 5550101")]
    pub phone_number: Option<String>,
    /// Somebody has made sure that the user answers there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
}

impl UserClaims {
    /// Of a user, only who it is.
    pub fn subject(id: Uuid) -> Self {
        Self { sub: id.to_string(), ..Self::default() }
    }

    /// Of a user, what `scopes` allow and what was asked for by name.
    pub fn of(profile: &Profile, scopes: &Scopes, named: &[String]) -> Self {
        let tells = |claim: &str| {
            named.iter().any(|name| name == claim) || scope_of(claim).is_some_and(|scope| scopes.contains(scope))
        };
        let phone_number = profile.phone_number.clone().filter(|_| tells("phone_number"));
        let has_phone = profile.phone_number.is_some();
        Self {
            sub: profile.id.to_string(),
            name: tells("name").then(|| profile.name.clone()),
            given_name: profile.given_name.clone().filter(|_| tells("given_name")),
            family_name: profile.family_name.clone().filter(|_| tells("family_name")),
            preferred_username: tells("preferred_username").then(|| profile.username.clone()),
            updated_at: tells("updated_at").then(|| profile.updated_at.unix_timestamp()),
            email: tells("email").then(|| profile.email.clone()),
            email_verified: tells("email_verified").then_some(profile.email_verified),
            phone_number,
            phone_number_verified: (has_phone && tells("phone_number_verified"))
                .then_some(profile.phone_number_verified),
            address: profile.address.clone().filter(|_| tells("address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Profile {
        Profile {
            id: Uuid::nil(),
            username: "alice".into(),
            name: "Alice Ashdown".into(),
            given_name: Some("Alice".into()),
            family_name: None,
            email: "a@example.com".into(),
            email_verified: true,
            phone_number: None,
            phone_number_verified: false,
            address: Some(PostalAddress::of("Markt 1".into(), "20095".into(), "Hamburg".into(), "DE".into())),
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_what_the_scopes_allow_is_told() {
        let told = UserClaims::of(&alice(), &Scopes::of(["openid", "email"]), &[]);
        assert_eq!((told.name, told.preferred_username, told.address), (None, None, None));
        assert_eq!((told.email.as_deref(), told.email_verified), (Some("a@example.com"), Some(true)));
    }

    #[test]
    fn what_was_asked_for_by_name_is_told_alone() {
        let told = UserClaims::of(&alice(), &Scopes::of(["openid"]), &["given_name".into()]);
        assert_eq!((told.given_name.as_deref(), told.name, told.email), (Some("Alice"), None, None));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let told = UserClaims::of(&alice(), &Scopes::of(["profile", "phone", "address"]), &[]);
        assert_eq!((told.family_name, told.phone_number, told.phone_number_verified), (None, None, None));
        assert_eq!(told.address.unwrap().formatted, "Markt 1\n20095 Hamburg\nDE");
    }
}
