//! What the gateway itself reads of a JWT that auth has just given it. It is not verified: it came from auth.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proof::Thumbprint;
use serde::Deserialize;
use sha2::{Digest, Sha256};

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
    /// The key whose holder alone may use the token; `None` if its bearer may. Not in the JWT: the service cannot check it.
    pub key: Option<Thumbprint>,
    /// Who may see the same as this caller. `None`: that cannot be told.
    pub class: Option<Class>,
}

/// All who are granted the same scopes and have the same roles, people apart from clients that act for themselves. What
/// a service shows to everybody who may ask for it, it shows to all of a class or to none.
pub type Class = [u8; 32];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    roles: Vec<String>,
    client_id: String,
    sub: String,
    plan: String,
    scope: String,
}

impl Claims {
    /// Of a JWT. What cannot be read claims nothing.
    pub fn of(jwt: &str) -> Self {
        let payload = jwt.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let payload: Option<Payload> = payload.and_then(|json| serde_json::from_slice(&json).ok());
        let class = payload.as_ref().map(Payload::class);
        let payload = payload.unwrap_or_default();
        Self {
            operator: payload.roles.iter().any(|role| role == OPERATOR),
            client: payload.client_id.into(),
            subject: payload.sub.into(),
            plan: payload.plan.into(),
            key: None,
            class,
        }
    }
}

impl Payload {
    fn class(&self) -> Class {
        let scopes: BTreeSet<_> = self.scope.split(' ').filter(|scope| !scope.is_empty()).collect();
        let roles: BTreeSet<_> = self.roles.iter().map(String::as_str).collect();
        let mut hash = Sha256::new();
        hash.update([u8::from(self.sub.starts_with("client:"))]);
        for names in [scopes, roles] {
            // With their number and lengths, so that nothing else reads the same.
            hash.update(names.len().to_be_bytes());
            for name in names {
                hash.update(name.len().to_be_bytes());
                hash.update(name);
            }
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

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

    proptest! {
        #[test]
        fn callers_are_of_one_class_just_when_they_may_the_same(
            one in ("(client:)?u", proptest::collection::vec("[ab]{1,2}", 0..3), proptest::collection::vec("[ab ]{1,2}", 0..3)),
            other in ("(client:)?u", proptest::collection::vec("[ab]{1,2}", 0..3), proptest::collection::vec("[ab ]{1,2}", 0..3)),
        ) {
            let class = |(sub, scopes, roles): &(String, Vec<String>, Vec<String>)| {
                of(&json!({"sub": sub, "scope": scopes.join(" "), "roles": roles}).to_string()).class.unwrap()
            };
            let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
            let same = one.0 == other.0 && set(&one.1) == set(&other.1) && set(&one.2) == set(&other.2);
            prop_assert_eq!(class(&one) == class(&other), same);
        }
    }

    #[test]
    fn who_cannot_be_read_is_of_no_class() {
        assert_eq!(of("\"alice\"").class, None);
        assert_eq!(Claims::of("no JWT").class, None);
        assert!(of("{}").class.is_some());
    }
}
