//! What the gateway itself reads of a JWT that auth has just given it. It is not verified: it came from auth.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

const OPERATOR: &str = "operator";

/// Who calls, as far as the gateway treats callers differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Looks after the suite, and is let in when it is saturated.
    pub operator: bool,
    /// The application that calls, by its `client_id`.
    pub client: Arc<str>,
    /// For whom: a user, or the application itself.
    pub subject: Arc<str>,
    /// What the application may use, see `plans`.
    pub plan: Arc<str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    roles: Vec<String>,
    client_id: String,
    sub: String,
    plan: String,
}

impl Claims {
    /// Of a JWT. What cannot be read claims nothing.
    pub fn of(jwt: &str) -> Self {
        let payload = jwt.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let payload: Payload = payload.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Self {
            operator: payload.roles.iter().any(|role| role == OPERATOR),
            client: payload.client_id.into(),
            subject: payload.sub.into(),
            plan: payload.plan.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payload: &str) -> Claims {
        Claims::of(&format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn an_operator_is_known_by_the_role() {
        assert!(of(r#"{"sub": "olga", "roles": ["operator"]}"#).operator);
        for other in [r#"{"roles": ["customer"]}"#, r#"{"scope": "operator"}"#, r#"{"roles": "operator"}"#, "operator"]
        {
            assert!(!of(other).operator, "{other}");
        }
        assert_eq!(Claims::of("no JWT"), Claims::default());
    }

    #[test]
    fn client_user_and_plan_are_as_auth_says() {
        let claims = of(r#"{"sub": "u-1", "client_id": "reporting", "plan": "partner", "aud": "store"}"#);
        assert_eq!((&*claims.subject, &*claims.client, &*claims.plan), ("u-1", "reporting", "partner"));
    }
}
