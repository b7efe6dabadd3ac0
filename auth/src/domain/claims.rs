//! What stands in the JWTs: for services (RFC 9068, section 2.2) and about the login (OpenID Connect Core, section 2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Hash, ID_TOKEN_LIFETIME, UserClaims};

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
    pub acr: String,
    pub amr: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub at_hash: String,
    #[serde(flatten)]
    pub user: UserClaims,
}

/// The claims about a user that a scope lets be told, all of which can be asked for by name.
pub const BY_SCOPE: &[(&str, &[&str])] = &[
    ("profile", &["name", "given_name", "family_name", "preferred_username", "updated_at"]),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
];

/// The scope that lets a claim be told; none for one that is not about the user, or not known.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    BY_SCOPE.iter().find(|(_, claims)| claims.contains(&claim)).map(|(scope, _)| *scope)
}

/// How users log in here, as `acr` names it: an address of ours, because no registered name says "a password".
pub fn acr(issuer: &str) -> String {
    format!("{issuer}/acr/password")
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
            acr: acr(issuer),
            // RFC 8176.
            amr: ["pwd"],
            sid: login.session_id,
            nonce: login.nonce,
            at_hash: at_hash(access_token),
            user,
        }
    }
}

/// When and in which session the user logged in, for which request, and what time it is.
pub struct Login {
    pub authenticated_at: OffsetDateTime,
    pub session_id: Option<Uuid>,
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
    fn each_claim_about_the_user_has_its_scope() {
        assert_eq!((scope_of("email_verified"), scope_of("address")), (Some("email"), Some("address")));
        assert_eq!((scope_of("sub"), scope_of("auth_time"), scope_of("")), (None, None, None));
    }
}
