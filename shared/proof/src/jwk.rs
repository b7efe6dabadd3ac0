//! Public keys of clients (RFC 7517), and what they are called by (RFC 7638).

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Fault;

/// Members that only the holder of the private key has, and the one of keys that both sides have.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const COORDINATE: usize = 32;
/// 2048 to 4096 bits: larger ones cost the server, not the attacker.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
const LONGEST_EXPONENT: usize = 4;

/// How a JWT is signed. Symmetric algorithms and `none` are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    EdDsa,
    Ps256,
    Rs256,
}

impl Algorithm {
    /// The names on the wire. `Ed25519` is what RFC 9864 calls `EdDSA` with that curve.
    pub const NAMES: [&str; 5] = ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"];

    /// The algorithm with this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "PS256" => Some(Self::Ps256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// On P-256.
    Ec { x: [u8; COORDINATE], y: [u8; COORDINATE] },
    /// Ed25519.
    Ed { x: [u8; COORDINATE] },
    /// 2048 to 4096 bits.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// The SHA-256 of a key's necessary members (RFC 7638).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl Key {
    /// Reads a JWK. One that holds anything private is refused: whoever sends that has lost it (RFC 9449, section 4.3).
    pub fn parse(jwk: &Map<String, Value>) -> Result<Self, Fault> {
        if Self::is_private(jwk) {
            return Err(Fault("jwk is not a public key"));
        }
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)).map_err(|_| UNKNOWN);
        match (text("kty"), text("crv")) {
            ("EC", "P-256") => Ok(Self::Ec { x: coordinate(&bytes("x")?)?, y: coordinate(&bytes("y")?)? }),
            ("OKP", "Ed25519") => Ok(Self::Ed { x: coordinate(&bytes("x")?)? }),
            ("RSA", _) => Self::rsa(bytes("n")?, bytes("e")?),
            _ => Err(UNKNOWN),
        }
    }

    /// Whether a JWK, of whatever kind, holds what only its holder should have.
    pub fn is_private(jwk: &Map<String, Value>) -> bool {
        PRIVATE.iter().any(|name| jwk.contains_key(*name))
    }

    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, Fault> {
        // One key, one thumbprint: no zeros in front.
        let canonical = |number: &[u8]| number.first().is_some_and(|first| *first != 0);
        let sized = MODULUS.contains(&n.len()) && e.len() <= LONGEST_EXPONENT;
        if sized && canonical(&n) && canonical(&e) { Ok(Self::Rsa { n, e }) } else { Err(UNKNOWN) }
    }

    /// What the key is called by.
    pub fn thumbprint(&self) -> Thumbprint {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let members = match self {
            Self::Ec { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y)),
            Self::Ed { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
        };
        Thumbprint(Sha256::digest(members).into())
    }

    /// Whether `signature` of `message` was made with the private half, by this algorithm and no other.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Ec { x, y }, Algorithm::Es256) => {
                let point = [&[4][..], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Self::Ed { x }, Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, x).verify(message, signature).is_ok()
            }
            (Self::Rsa { n, e }, Algorithm::Rs256 | Algorithm::Ps256) => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            _ => false,
        }
    }
}

const UNKNOWN: Fault = Fault("the key must be EC on P-256, OKP on Ed25519, or RSA of 2048 to 4096 bits");

fn coordinate(bytes: &[u8]) -> Result<[u8; COORDINATE], Fault> {
    bytes.try_into().map_err(|_| UNKNOWN)
}

impl Thumbprint {
    /// Reads one in base64url.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(jwk: &Value) -> Result<Key, Fault> {
        Key::parse(jwk.as_object().unwrap())
    }

    #[test]
    fn the_examples_of_the_standards_hold() {
        // RFC 7638, section 3.1, and RFC 8037, appendix A.3.
        let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        assert_eq!(read(&rsa).unwrap().thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(read(&ed).unwrap().thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_is_private_symmetric_weak_or_unknown_is_refused() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for bad in [
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}),
            json!({"kty": "oct", "k": x}),
            json!({"kty": "EC", "crv": "P-256", "x": x}),
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": "AA"}),
            json!({"kty": "EC", "crv": "P-521", "x": x, "y": x}),
            json!({"kty": "OKP", "crv": "X25519", "x": x}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": 7}),
            json!({"kty": "RSA", "n": x, "e": "AQAB"}),
            json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([0; 256]), "e": "AQAB"}),
            json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([1; 1024]), "e": "AQAB"}),
            json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([1; 256]), "e": BASE64_URL_SAFE_NO_PAD.encode([1; 9])}),
            json!({}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_point_off_the_curve_verifies_nothing() {
        let key = Key::Ec { x: [1; 32], y: [1; 32] };
        assert!(!key.verifies(Algorithm::Es256, b"message", &[1; 64]));
        assert!(!key.verifies(Algorithm::EdDsa, b"message", &[1; 64]), "no other algorithm either");
    }
}
