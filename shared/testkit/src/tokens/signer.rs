//! An ES256 key that signs whatever it is given: a JWT library would refuse to make most of the bad tokens.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub(super) struct Signer {
    id: String,
    key: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn new(id: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the machine has randomness");
        Self { id: id.to_owned(), key }
    }

    /// RFC 7517: the public half, for a JWKS.
    pub(super) fn public_key(&self) -> Value {
        // SEC 1, section 2.3.3: 0x04, then both coordinates of 32 bytes.
        let point = self.key.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": x, "y": y })
    }

    /// The header of a good token (RFC 9068, section 2.1).
    pub(super) fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.id })
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("the key signs");
        format!("{text}.{}", encode(signature.as_ref()))
    }

    /// Signed with HS256, the public key taken for the secret.
    pub(super) fn sign_with_the_public_key(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key().as_ref());
        format!("{text}.{}", encode(hmac::sign(&key, text.as_bytes()).as_ref()))
    }
}

/// The first two parts of a JWT.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
