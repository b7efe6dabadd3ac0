//! Every kind of token that a service must refuse. Each but its one fault is the token of an operator who may do all.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{Tokens, named, signer::Signer, signer::unsigned};
use crate::Holder;

const AN_HOUR: i64 = 3600;
const FOR_CLIENTS: &str = "for-clients";

// Made when it is first needed, and published from then on: RSA takes its time.
static KEY_FOR_CLIENTS: OnceLock<Holder> = OnceLock::new();

/// The key with which auth signs what clients get that want RS256, and never a JWT for a service. It is published beside the
/// other as soon as somebody makes bad tokens.
pub(super) fn key_for_clients() -> Option<Value> {
    let jwk = KEY_FOR_CLIENTS.get()?.jwk();
    Some(changed(&jwk, &json!({ "alg": "RS256", "use": "sig", "kid": FOR_CLIENTS })))
}

impl Tokens {
    /// What is wrong, and a token with exactly that fault, for each way in which a token can be bad. A service
    /// answers 401 to every one of them.
    pub fn every_bad_token(&self, service: &str) -> Vec<(&'static str, String)> {
        let mut tokens = vec![("not a JWT", "opaque-as-a-client-holds-it".to_owned())];
        tokens.extend(self.wrong_claims(service));
        tokens.extend(self.wrong_headers(service));
        tokens.extend(self.wrong_signatures(service));
        tokens
    }

    fn wrong_claims(&self, service: &str) -> Vec<(&'static str, String)> {
        let good = self.all_powerful(service);
        let now = good["iat"].as_i64().unwrap_or_default();
        let with = |changes: Value| self.sign(&changed(&good, &changes));
        vec![
            ("expired", with(json!({ "iat": now - AN_HOUR, "nbf": now - AN_HOUR, "exp": now - 60 }))),
            ("no expiry", with(json!({ "exp": null }))),
            ("not yet valid", with(json!({ "nbf": now + AN_HOUR, "exp": now + 2 * AN_HOUR }))),
            ("for another audience", with(json!({ "aud": "somebody-else" }))),
            ("for several audiences", with(json!({ "aud": [service, "somebody-else"] }))),
            ("for no audience", with(json!({ "aud": null }))),
            ("of another issuer", with(json!({ "iss": "http://issuer.example/auth" }))),
            ("of no issuer", with(json!({ "iss": null }))),
            ("about nobody", with(json!({ "sub": null }))),
        ]
    }

    fn wrong_headers(&self, service: &str) -> Vec<(&'static str, String)> {
        let (header, good) = (self.signer.header(), self.all_powerful(service));
        let with = |changes: Value| self.signer.sign(&changed(&header, &changes), &good);
        vec![
            ("another type of JWT", with(json!({ "typ": "logout+jwt" }))),
            ("no type", with(json!({ "typ": null }))),
            ("an unknown critical header", with(json!({ "crit": ["unheard-of"], "unheard-of": true }))),
            ("no key id", with(json!({ "kid": null }))),
            ("another algorithm than the key's", with(json!({ "alg": "ES384" }))),
            ("the algorithm of keys for clients", with(json!({ "alg": "RS256" }))),
        ]
    }

    fn wrong_signatures(&self, service: &str) -> Vec<(&'static str, String)> {
        let (header, good) = (self.signer.header(), self.all_powerful(service));
        let (same_id, unknown_id) = (Signer::new("testkit"), Signer::new("foreign"));
        let none = unsigned(&changed(&header, &json!({ "alg": "none" })), &good);
        let symmetric = changed(&header, &json!({ "alg": "HS256" }));
        let signed = self.signer.sign(&header, &good);
        let (_, signature) = signed.rsplit_once('.').unwrap_or_default();
        let other = KEY_FOR_CLIENTS.get_or_init(|| Holder::of("RS256"));
        let by_the_other =
            |alg: &str, kid: &str| other.sign(changed(&header, &json!({ "alg": alg, "kid": kid })), &good);
        let altered = changed(&good, &json!({ "sub": named("alice") }));
        vec![
            ("unsigned", format!("{none}.")),
            ("unsigned, but says it is signed", format!("{}.", unsigned(&header, &good))),
            ("signed by a foreign key with a known id", same_id.sign(&header, &good)),
            ("signed by a foreign key", unknown_id.sign(&unknown_id.header(), &good)),
            ("signed with the public key as a secret", self.signer.sign_with_the_public_key(&symmetric, &good)),
            ("signed with a key that is there for what clients get", by_the_other("RS256", FOR_CLIENTS)),
            ("signed with that key, and says it is the other's algorithm", by_the_other("ES256", FOR_CLIENTS)),
            ("signed with that key, under the other's id", by_the_other("RS256", "testkit")),
            ("altered after it was signed", format!("{}.{signature}", unsigned(&header, &altered))),
        ]
    }

    fn all_powerful(&self, service: &str) -> Value {
        let words = ["read", "write", "operate", "checkout", "reserve", "pay", "book"];
        let scope = words.map(|word| format!("{service}:{word}")).join(" ");
        self.claims(service, &named("olga").to_string(), "demo", &["operator", "staff"], &scope, "internal")
    }
}

/// `original` with members replaced; `null` takes one away.
fn changed(original: &Value, changes: &Value) -> Value {
    let mut result = original.clone();
    for (name, value) in changes.as_object().into_iter().flatten() {
        match (value, result.as_object_mut()) {
            (Value::Null, Some(object)) => drop(object.shift_remove(name)),
            _ => result[name] = value.clone(),
        }
    }
    result
}
