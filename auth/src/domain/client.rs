//! Clients: applications that may ask for tokens.

use crate::domain::{Code, Hash, LoginRules, Refusal, Resources, Scopes, SecurityProfile, Signing, redirect_matches};

/// An application that may ask for tokens.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its public identifier.
    pub client_id: String,
    /// The name to show to users.
    pub name: String,
    /// The hash of its secret; none for a public client.
    pub secret_hash: Option<Hash>,
    /// How it may get tokens.
    pub grant_types: Vec<GrantType>,
    /// Where users may be sent back to.
    pub redirect_uris: Vec<String>,
    /// Where its pages come from that call us from a browser (CORS).
    pub origins: Vec<String>,
    /// The most it can be given.
    pub scopes: Scopes,
    /// Its traffic class: `free`, `partner` or `internal`.
    pub plan: String,
    /// What it may do with users in their browsers.
    pub login: LoginRules,
    /// How it says who it is, and what else it must do for it.
    pub security: SecurityProfile,
    /// How what it is told is signed.
    pub signing: Signing,
    /// The services that its tokens may be for (RFC 8707); none for all that its scopes allow.
    pub resources: Option<Resources>,
    /// It has registered itself: its addresses are what it says, and no operator.
    pub registered_itself: bool,
}

/// Ways to get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749, section 4.1.
    AuthorizationCode,
    /// RFC 6749, section 6.
    RefreshToken,
    /// RFC 6749, section 4.4.
    ClientCredentials,
    /// RFC 8628.
    DeviceCode,
    /// RFC 8693.
    TokenExchange,
}

impl GrantType {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode, Self::TokenExchange];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// The grant type with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant_type| grant_type.as_str() == name)
    }
}

/// The `sub` of a client that acts for itself. Marked, so that it can never be mistaken for a user's (RFC 9068,
/// section 5).
pub fn subject_of_client(client_id: &str) -> String {
    format!("client:{client_id}")
}

impl Client {
    /// Refuses a way of getting tokens that this client was not given, or that is not for public clients.
    pub fn may_use(&self, grant_type: GrantType) -> Result<(), Refusal> {
        let by_itself = matches!(grant_type, GrantType::ClientCredentials | GrantType::TokenExchange);
        if self.grant_types.contains(&grant_type) && (self.is_confidential() || !by_itself) {
            return Ok(());
        }
        Err(Code::UnauthorizedClient.because("this client may not use this grant type"))
    }

    /// The same with what operators decide of it, and no client says of itself, as it is with `before`. What was decided
    /// of one that keeps a secret, or for these redirect URIs, scopes and resources, is not for one without, or for more.
    #[must_use]
    pub fn governed_like(mut self, before: Self) -> Self {
        let unproven = before.is_confidential() && !self.is_confidential();
        let more = self.goes_beyond(&before);
        self.plan = before.plan;
        self.login.require_pkce = before.login.require_pkce || unproven;
        self.login.asks_consent = before.login.asks_consent || more;
        self.security.introspects_others = before.security.introspects_others && !unproven;
        self
    }

    /// Whether it names a redirect URI, a scope or a service that it had not `before`: what users allowed was not for that.
    pub fn goes_beyond(&self, before: &Self) -> bool {
        let elsewhere = self.redirect_uris.iter().any(|uri| !before.redirect_uris.contains(uri));
        let services = Resources::within(self.resources.clone(), before.resources.as_ref()).ok();
        elsewhere || !self.scopes.within(&before.scopes) || services != Some(self.resources.clone())
    }

    /// Whether users may be sent back to `uri`.
    pub fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect_matches(registered, uri))
    }

    /// The services that a token of this client is for, if it asks for these.
    pub fn narrow_resources(&self, asked: Option<Resources>) -> Result<Option<Resources>, Refusal> {
        Resources::within(asked, self.resources.as_ref())
            .map_err(|_| Code::InvalidTarget.because("resource holds one that is not for this client"))
    }

    /// What of `requested` this client can have; everything it can have if nothing was requested. Refuses to give
    /// nothing (RFC 6749, section 3.3).
    pub fn narrow(&self, requested: Option<&Scopes>, also: Option<&Scopes>) -> Result<Scopes, Refusal> {
        let mut given = requested.map_or_else(|| self.scopes.clone(), |scopes| scopes.and(&self.scopes));
        if let Some(also) = also {
            given = given.and(also);
        }
        if given.is_empty() {
            return Err(Code::InvalidScope.because("none of the requested scopes can be granted"));
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client { scopes: Scopes::of(["order:read", "store:read"]), ..Client::default() }
    }

    #[test]
    fn scopes_are_narrowed_and_never_widened() {
        let asked = Scopes::of(["order:read", "order:write"]);
        assert_eq!(client().narrow(Some(&asked), None).unwrap(), Scopes::of(["order:read"]));
        assert_eq!(client().narrow(None, None).unwrap(), client().scopes);
        let nothing = client().narrow(Some(&Scopes::of(["accounting:pay"])), None);
        assert_eq!(nothing.unwrap_err().code, Code::InvalidScope);
    }
}
