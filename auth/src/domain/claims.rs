//! What stands in the JWTs: for services (RFC 9068, section 2.2) and about the user (OpenID Connect Core, section 2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::{Hash, ID_TOKEN_LIFETIME, Scopes, User};

/// The claims of an `at+jwt`. Times are in seconds since 1970.
#[derive(Clone, Debug, Serialize)]
pub struct AccessClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub client_id: String,
    pub scope: String,
    pub roles: Vec<&'static str>,
    pub plan: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
}

/// The claims of an ID token.
#[derive(Clone, Debug, Serialize)]
pub struct IdClaims {
    pub iss: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub at_hash: String,
    #[serde(flatten)]
    pub user: UserClaims,
}

/// What may be told of a user (OpenID Connect Core, section 5.4): `profile` tells the names, `email` the address.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UserClaims {
    /// The user's id: the same everywhere and for ever.
    #[schema(example = "01900000-0000-7000-8000-000000000001")]
    pub sub: String,
    /// The name to show. With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Alice Ashdown")]
    pub name: Option<String>,
    /// The name the user logs in with. With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice")]
    pub preferred_username: Option<String>,
    /// With scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice@example.com")]
    pub email: Option<String>,
}

impl UserClaims {
    /// What `scopes` allow to be told of `user`.
    pub fn of(user: &User, scopes: &Scopes) -> Self {
        let with = |scope: &str, claim: &String| scopes.contains(scope).then(|| claim.clone());
        Self {
            sub: user.id.to_string(),
            name: with("profile", &user.name),
            preferred_username: with("profile", &user.username),
            email: with("email", &user.email),
        }
    }
}

impl IdClaims {
    /// The claims for `client_id`, to be issued together with `access_token`.
    pub fn new(issuer: &str, client_id: &str, user: UserClaims, access_token: &str, login: Login) -> Self {
        let iat = login.now.unix_timestamp();
        Self {
            iss: issuer.to_owned(),
            aud: client_id.to_owned(),
            iat,
            exp: iat + ID_TOKEN_LIFETIME.whole_seconds(),
            auth_time: login.authenticated_at.unix_timestamp(),
            nonce: login.nonce,
            at_hash: at_hash(access_token),
            user,
        }
    }
}

/// When the user logged in, for which request, and what time it is.
pub struct Login {
    pub authenticated_at: OffsetDateTime,
    pub nonce: Option<String>,
    pub now: OffsetDateTime,
}

/// The left half of the token's SHA-256 (OpenID Connect Core, section 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Hash::of(access_token).as_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_holds() {
        // OpenID Connect Core, appendix A.3: the access token and its at_hash.
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn only_what_the_scopes_allow_is_told() {
        let user = User {
            id: uuid::Uuid::nil(),
            username: "alice".into(),
            name: "Alice".into(),
            email: "a@example.com".into(),
            roles: vec![],
        };
        let told = UserClaims::of(&user, &Scopes::of(["openid", "email"]));
        assert_eq!((told.name, told.preferred_username, told.email.as_deref()), (None, None, Some("a@example.com")));
    }
}
