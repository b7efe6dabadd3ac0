//! Opaque access tokens: what stands behind one, and what it may be exchanged for.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    AccessClaims, Client, Code, EXCHANGED_TOKEN_LIFETIME, Hash, Refusal, Resources, Role, SERVICES, Scopes, User,
    subject_of_client,
};

/// What stands behind a valid access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The client it was issued to.
    pub client_id: String,
    /// The client's traffic class.
    pub plan: String,
    /// The user it speaks for; none if the client acts for itself.
    pub user: Option<User>,
    /// What it allows.
    pub scopes: Scopes,
    /// The key whose holder alone may use it (RFC 9449); none if its bearer may.
    pub key: Option<Hash>,
    /// The services that it is for; none for all that its scopes allow.
    pub resources: Option<Resources>,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

impl AccessToken {
    /// The `sub`: of the user, or of the client if it acts for itself.
    pub fn subject(&self) -> String {
        match &self.user {
            Some(user) => user.id.to_string(),
            None => subject_of_client(&self.client_id),
        }
    }

    /// What its type is called.
    pub const fn kind(&self) -> &'static str {
        token_type(self.key)
    }

    /// The claims of the JWT that speaks for this token at `service`, and only there. It lives 60 s at the most and
    /// never past the token. A token without a scope for the service yields a JWT without scope: the service says no.
    pub fn exchange(
        &self,
        service: &str,
        issuer: &str,
        id: Uuid,
        now: OffsetDateTime,
    ) -> Result<AccessClaims, Refusal> {
        if !SERVICES.iter().any(|(name, _)| *name == service) {
            return Err(Code::InvalidTarget.because("audience is not the name of a service"));
        }
        if self.resources.as_ref().is_some_and(|resources| !resources.contains(service)) {
            return Err(Code::InvalidTarget.because("the token is for other services"));
        }
        let iat = now.unix_timestamp();
        let exp = (now + EXCHANGED_TOKEN_LIFETIME).min(self.expires_at).unix_timestamp();
        if exp <= iat {
            return Err(Self::not_valid());
        }
        let roles = self.user.iter().flat_map(|user| &user.roles).copied().map(Role::as_str).collect();
        Ok(AccessClaims {
            iss: issuer.to_owned(),
            sub: self.subject(),
            aud: service.to_owned(),
            client_id: self.client_id.clone(),
            scope: self.scopes.of_service(service).to_string(),
            roles,
            plan: self.plan.clone(),
            iat,
            nbf: iat,
            exp,
            jti: id.to_string(),
        })
    }

    /// The refusal of a subject token that is unknown, expired or revoked (RFC 8693, section 2.2.2).
    pub fn not_valid() -> Refusal {
        Code::InvalidRequest.because("subject_token is not a valid access token")
    }
}

/// What the type of a token is called, by the key that it is bound to.
pub const fn token_type(key: Option<Hash>) -> &'static str {
    if key.is_some() { "DPoP" } else { "Bearer" }
}

/// A refresh token that has just been redeemed: what may be issued for it.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// The grant it belongs to.
    pub grant_id: Uuid,
    /// The user who granted.
    pub user: User,
    /// What was granted.
    pub scopes: Scopes,
    /// When the user's password was checked.
    pub authenticated_at: OffsetDateTime,
    /// The session in which it was granted, if there was one.
    pub session_id: Option<Uuid>,
    /// From the authorization request, if a code was redeemed.
    pub nonce: Option<String>,
    /// The claims that were asked for by name to stand in the ID token.
    pub id_token_claims: Vec<String>,
    /// The services that were granted; none for all.
    pub resources: Option<Resources>,
}

impl Redeemed {
    /// The scopes of the new access token: all that were granted, or fewer if fewer are asked for, and nothing that
    /// client or user may no longer have, or that is for none of `resources`. Never more than was granted (RFC 6749,
    /// section 6).
    pub fn narrow(
        &self,
        client: &Client,
        requested: Option<&Scopes>,
        resources: Option<&Resources>,
    ) -> Result<Scopes, Refusal> {
        if requested.is_some_and(|scopes| !scopes.within(&self.scopes)) {
            return Err(Code::InvalidScope.because("scope exceeds what was granted"));
        }
        let wanted = requested.unwrap_or(&self.scopes);
        let wanted = resources.map_or_else(|| wanted.clone(), |only| only.narrow(wanted));
        client.narrow(Some(&wanted), Some(&self.user.scopes()))
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00.5 UTC);

    fn alice() -> User {
        User {
            id: Uuid::from_u128(1),
            username: "alice".into(),
            name: "Alice".into(),
            email: "alice@example.com".into(),
            roles: vec![Role::Customer],
        }
    }

    fn token(expires_in: Duration) -> AccessToken {
        AccessToken {
            client_id: "demo".into(),
            plan: "free".into(),
            user: Some(alice()),
            scopes: Scopes::of(["openid", "store:read", "order:read", "order:write"]),
            key: None,
            resources: None,
            issued_at: NOW,
            expires_at: NOW + expires_in,
        }
    }

    #[test]
    fn a_jwt_is_for_one_service_and_lives_no_longer_than_a_minute() {
        let claims = token(Duration::minutes(15)).exchange("order", "https://x/auth", Uuid::nil(), NOW).unwrap();
        assert_eq!((claims.aud.as_str(), claims.scope.as_str()), ("order", "order:read order:write"));
        assert_eq!((claims.exp - claims.iat, claims.roles), (60, vec!["customer"]));
    }

    #[test]
    fn a_jwt_never_outlives_the_token() {
        let claims = token(Duration::seconds(10)).exchange("order", "i", Uuid::nil(), NOW).unwrap();
        assert_eq!(claims.exp - claims.iat, 10);
        let ending = token(Duration::milliseconds(100)).exchange("order", "i", Uuid::nil(), NOW);
        assert_eq!(ending.unwrap_err().code, Code::InvalidRequest);
    }

    #[test]
    fn a_token_is_exchanged_for_services_only() {
        for audience in ["auth", "storefront", "demo", "", "order ", "Order"] {
            let refused = token(Duration::minutes(15)).exchange(audience, "i", Uuid::nil(), NOW);
            assert_eq!(refused.unwrap_err().code, Code::InvalidTarget, "{audience:?}");
        }
    }

    #[test]
    fn a_token_for_one_resource_is_exchanged_for_no_other() {
        let only = Resources::stored(Some(vec!["order".into()]));
        let token = AccessToken { resources: only, ..token(Duration::minutes(15)) };
        assert!(token.exchange("order", "i", Uuid::nil(), NOW).is_ok());
        assert_eq!(token.exchange("store", "i", Uuid::nil(), NOW).unwrap_err().code, Code::InvalidTarget);
    }

    #[test]
    fn a_client_is_never_mistaken_for_a_user() {
        let machine = AccessToken { user: None, client_id: alice().id.to_string(), ..token(Duration::minutes(1)) };
        assert!(machine.subject().starts_with("client:"));
    }

    #[test]
    fn a_refresh_narrows_and_never_widens() {
        let client = Client {
            client_id: "demo".into(),
            scopes: Scopes::of(["openid", "order:read", "order:write", "store:read"]),
            ..Client::default()
        };
        let granted = Scopes::of(["openid", "order:read", "inventory:write"]);
        let redeemed = Redeemed {
            grant_id: Uuid::nil(),
            user: alice(),
            scopes: granted,
            authenticated_at: NOW,
            session_id: None,
            nonce: None,
            id_token_claims: vec![],
            resources: None,
        };
        let narrower = redeemed.narrow(&client, Some(&Scopes::of(["order:read"])), None);
        assert_eq!(narrower.unwrap(), Scopes::of(["order:read"]));
        let wider = redeemed.narrow(&client, Some(&Scopes::of(["order:read", "store:read"])), None);
        assert_eq!(wider.unwrap_err().code, Code::InvalidScope);
        let what_remains = redeemed.narrow(&client, None, None);
        assert_eq!(what_remains.unwrap(), Scopes::of(["openid", "order:read"]), "alice may no longer write stock");
    }
}
