//! A JWT in its compact form (RFC 7515, RFC 7519), taken apart strictly. Its claims are read without a verified signature
//! only where that is said.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{Algorithm, Fault, Key};

/// Longer than any that makes sense: two RSA keys of 4096 bits.
const LONGEST: usize = 8 * 1024;
const LONGEST_TEXT: usize = 1024;

/// A JWT that is signed with one of the [`Algorithm`]s and understood completely. Whether it is signed rightly is not
/// known yet.
pub struct Jws<'a> {
    header: Map<String, Value>,
    algorithm: Algorithm,
    payload: &'a str,
    signed: &'a str,
    signature: Vec<u8>,
}

/// The claims of a JWT.
#[derive(Debug)]
pub struct Claims(Map<String, Value>);

impl<'a> Jws<'a> {
    /// Takes a JWT apart. Refuses `alg` of `none` and symmetric ones, and any `crit`: no extension is understood here
    /// (RFC 7515, section 4.1.11).
    pub fn parse(jwt: &'a str) -> Result<Self, Fault> {
        let malformed = Fault("not a signed JWT");
        let (signed, signature) = jwt.rsplit_once('.').filter(|_| jwt.len() <= LONGEST).ok_or(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(malformed)?;
        let header = object(header).ok_or(malformed)?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed)?;
        if header.contains_key("crit") {
            return Err(Fault("crit names an extension that is not understood"));
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or(Fault("alg must be ES256, EdDSA, PS256 or RS256"))?;
        Ok(Self { header, algorithm, payload, signed, signature })
    }

    /// A text of the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The key that the header holds.
    pub fn key(&self) -> Result<Key, Fault> {
        Key::parse(self.header.get("jwk").and_then(Value::as_object).ok_or(Fault("jwk is missing"))?)
    }

    /// The claims, if the JWT is signed by this key.
    pub fn verify(&self, key: &Key) -> Result<Claims, Fault> {
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(Fault("the signature is not right"));
        }
        self.unverified()
    }

    /// The claims, whoever signed: to find out whose key to try.
    pub fn unverified(&self) -> Result<Claims, Fault> {
        object(self.payload).map(Claims).ok_or(Fault("the claims are not a JSON object"))
    }
}

impl Claims {
    /// A claim that must be there and be a text of a sensible length, without control characters: PostgreSQL keeps no
    /// NUL in text, and logs are read in terminals.
    pub fn text(&self, name: &str) -> Result<&str, Fault> {
        let sensible = |text: &&str| (1..=LONGEST_TEXT).contains(&text.len()) && !text.contains(char::is_control);
        let text = self.0.get(name).and_then(Value::as_str).filter(sensible);
        text.ok_or(Fault("a required claim is missing, or no text of a sensible length"))
    }

    /// A time in seconds since 1970, which may be given with fractions (RFC 7519, section 2).
    #[allow(clippy::cast_possible_truncation)] // within bounds
    pub fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| (0.0..1e11).contains(seconds));
        seconds.map(|seconds| Some(seconds as i64)).ok_or(Fault("a time is not a number of seconds since 1970"))
    }

    /// Whom it is for: each entry of `aud`, which is a text or a list of texts.
    pub fn audience(&self) -> Result<Vec<&str>, Fault> {
        let fault = Fault("aud must be a text or a list of texts");
        match self.0.get("aud") {
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(all)) if !all.is_empty() => all.iter().map(|it| it.as_str().ok_or(fault)).collect(),
            _ => Err(fault),
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn jwt(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    #[test]
    fn no_algorithm_that_proves_nothing_and_no_extension_is_taken() {
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "ES256K"}),
            json!({"alg": ["ES256"]}),
            json!({}),
            json!({"alg": "ES256", "crit": []}),
            json!({"alg": "ES256", "crit": ["b64"], "b64": false}),
        ] {
            assert!(Jws::parse(&jwt(&header, &json!({}))).is_err(), "{header}");
        }
        assert!(Jws::parse(&jwt(&json!({"alg": "ES256"}), &json!({}))).is_ok());
    }

    #[test]
    fn what_is_not_exactly_three_parts_of_base64url_is_refused() {
        let good = jwt(&json!({"alg": "ES256"}), &json!({}));
        let unsigned = good.rsplit_once('.').unwrap().0;
        for bad in ["", ".", "..", "a.b.c", unsigned, &format!("{good}.x"), &format!("{good}="), &format!(" {good}")] {
            let refused = Jws::parse(bad).and_then(|jws| jws.unverified().map(|_| ()));
            assert!(refused.is_err(), "{bad}");
        }
        assert!(Jws::parse(&format!("{good}{}", "A".repeat(LONGEST))).is_err());
    }

    #[test]
    fn claims_of_the_wrong_type_are_refused() {
        let text = jwt(&json!({"alg": "ES256"}), &json!({"jti": 7, "iat": "7", "exp": 1.5, "aud": [], "big": 1e300}));
        let jws = Jws::parse(&text).unwrap();
        let claims = jws.unverified().unwrap();
        assert!(claims.text("jti").is_err() && claims.text("sub").is_err());
        assert!(claims.time("iat").is_err() && claims.time("big").is_err() && claims.audience().is_err());
        assert_eq!((claims.time("exp"), claims.time("nbf")), (Ok(Some(1)), Ok(None)));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_understood(text in ".{0,200}", parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,3}") {
            for text in [text, parts] {
                if let Ok(jws) = Jws::parse(&text) {
                    prop_assert!(jws.key().and_then(|key| jws.verify(&key).map(|_| ())).is_err());
                }
            }
        }
    }
}
