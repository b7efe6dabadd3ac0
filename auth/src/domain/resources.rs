//! Resource indicators (RFC 8707): for which services a token is.

use std::collections::BTreeSet;

use crate::domain::{Code, Refusal, SERVICES, Scopes};

/// The services that a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources(BTreeSet<String>);

impl Resources {
    /// Reads resource identifiers, separated by spaces, as `{PUBLIC_URL}/api/{service}`. None asks for no restriction.
    pub fn parse(identifiers: Option<&str>, issuer: &str) -> Result<Option<Self>, Refusal> {
        let Some(identifiers) = identifiers else { return Ok(None) };
        let unknown =
            || Code::InvalidTarget.because("resource is not the address of a service, {PUBLIC_URL}/api/{service}");
        let service = |identifier: &str| {
            let name = identifier.strip_prefix(&base(issuer))?;
            SERVICES.iter().find(|(service, _)| *service == name).map(|(service, _)| (*service).to_owned())
        };
        let services = identifiers.split(' ').map(service).collect::<Option<_>>().ok_or_else(unknown)?;
        Ok(Some(Self(services)))
    }

    /// As stored; none for no restriction.
    pub fn stored(services: Option<Vec<String>>) -> Option<Self> {
        services.map(|services| Self(services.into_iter().collect()))
    }

    /// As they are stored.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }

    /// As clients name them.
    pub fn identifiers(&self, issuer: &str) -> Vec<String> {
        self.0.iter().map(|service| format!("{}{service}", base(issuer))).collect()
    }

    /// Whether a token for these is for the service.
    pub fn contains(&self, service: &str) -> bool {
        self.0.contains(service)
    }

    /// What remains of scopes in a token for these: those of the services, and those about the user.
    #[must_use]
    pub fn narrow(&self, scopes: &Scopes) -> Scopes {
        let fits = |scope: &&str| scope.split_once(':').is_none_or(|(service, _)| self.contains(service));
        Scopes::of(scopes.iter().filter(fits))
    }

    /// What is left of what was granted, if the client may have fewer by now.
    pub fn left(granted: Option<Self>, client: Option<&Self>) -> Result<Option<Self>, Refusal> {
        let (Some(granted), Some(client)) = (&granted, client) else { return Ok(granted.or_else(|| client.cloned())) };
        let left = Self(granted.0.intersection(&client.0).cloned().collect());
        if left.0.is_empty() {
            return Err(Code::InvalidTarget.because("what was granted is not for this client any more"));
        }
        Ok(Some(left))
    }

    /// What is asked for now of what was granted: never more.
    pub fn within(asked: Option<Self>, granted: Option<&Self>) -> Result<Option<Self>, Refusal> {
        match (asked, granted) {
            (None, granted) => Ok(granted.cloned()),
            (Some(asked), None) => Ok(Some(asked)),
            (Some(asked), Some(granted)) if asked.0.is_subset(&granted.0) => Ok(Some(asked)),
            _ => Err(Code::InvalidTarget.because("resource exceeds what was granted")),
        }
    }
}

// Beside the issuer, which is `{PUBLIC_URL}/auth`.
fn base(issuer: &str) -> String {
    format!("{}/api/", issuer.strip_suffix("/auth").unwrap_or(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://shop.example/auth";

    fn read(identifiers: &str) -> Resources {
        Resources::parse(Some(identifiers), ISSUER).unwrap().unwrap()
    }

    #[test]
    fn a_resource_is_the_address_of_a_service_to_the_letter() {
        let both = read("https://shop.example/api/store https://shop.example/api/order");
        assert!(both.contains("store") && both.contains("order") && !both.contains("shipping"));
        assert_eq!(both.identifiers(ISSUER), ["https://shop.example/api/order", "https://shop.example/api/store"]);
        assert_eq!(Resources::parse(None, ISSUER).unwrap(), None);
        for bad in [
            "https://shop.example/api/store/",
            "https://shop.example/api/store#x",
            "https://shop.example/api/Store",
            "https://shop.example/api/auth",
            "https://shop.example/api/",
            "https://evil.example/api/store",
            "https://shop.example.evil.example/api/store",
            "http://shop.example/api/store",
            "store",
            "https://shop.example/api/store  https://shop.example/api/order",
        ] {
            assert_eq!(Resources::parse(Some(bad), ISSUER).unwrap_err().code, Code::InvalidTarget, "{bad}");
        }
    }

    #[test]
    fn resources_are_narrowed_and_never_widened() {
        let (both, one) = (
            read("https://shop.example/api/store https://shop.example/api/order"),
            read("https://shop.example/api/order"),
        );
        assert_eq!(Resources::within(None, Some(&one)).unwrap(), Some(one.clone()));
        assert_eq!(Resources::within(Some(one.clone()), None).unwrap(), Some(one.clone()));
        assert_eq!(Resources::within(Some(one.clone()), Some(&both)).unwrap(), Some(one.clone()));
        assert_eq!(Resources::within(Some(both), Some(&one)).unwrap_err().code, Code::InvalidTarget);
        assert_eq!(Resources::within(None, None).unwrap(), None);
    }

    #[test]
    fn what_a_client_may_have_no_more_is_not_left() {
        let (both, one) = (
            read("https://shop.example/api/store https://shop.example/api/order"),
            read("https://shop.example/api/order"),
        );
        let other = read("https://shop.example/api/store");
        assert_eq!(Resources::left(Some(both), Some(&one)).unwrap(), Some(one.clone()));
        assert_eq!(Resources::left(None, Some(&one)).unwrap(), Some(one.clone()));
        assert_eq!(Resources::left(Some(one.clone()), None).unwrap(), Some(one.clone()));
        assert_eq!(Resources::left(None, None).unwrap(), None);
        assert_eq!(Resources::left(Some(one), Some(&other)).unwrap_err().code, Code::InvalidTarget);
    }

    #[test]
    fn scopes_of_other_services_fall_away() {
        let scopes = Scopes::of(["openid", "order:read", "store:read", "auth:operate", "offline_access"]);
        let narrowed = read("https://shop.example/api/order").narrow(&scopes);
        assert_eq!(narrowed, Scopes::of(["openid", "order:read", "offline_access"]));
    }
}
