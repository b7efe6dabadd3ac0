//! Somebody who holds a private key, and signs what a client of auth signs: DPoP proofs, assertions, or anything a test
//! needs.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

/// Holds a private key.
pub struct Holder {
    algorithm: &'static str,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Holder {
    /// Of a new key for ES256.
    pub fn new() -> Self {
        Self::of("ES256")
    }

    /// Of a new key for `ES256`, `EdDSA`, `PS256` or `RS256`.
    pub fn of(algorithm: &'static str) -> Self {
        let pair = match algorithm {
            "ES256" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
            "EdDSA" => Pair::Ed(Ed25519KeyPair::generate().expect("a key")),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        };
        Self { algorithm, pair }
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Pair::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Pair::Rsa(pair) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
        }
    }

    /// What the key is called by (RFC 7638), reckoned by hand.
    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let mut members: Vec<_> = jwk.as_object().into_iter().flatten().collect();
        members.sort_by_key(|(name, _)| name.as_str());
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        text(Sha256::digest(format!("{{{}}}", members.join(","))))
    }

    /// A JWT with this header, but for `alg`, which is its own unless it is there, and these claims.
    pub fn sign(&self, mut header: Value, claims: &Value) -> String {
        if header.get("alg").is_none() {
            header["alg"] = self.algorithm.into();
        }
        let signed = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let how = if self.algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(how, &random, message, &mut signature).expect("a signature");
                signature
            }
        };
        format!("{signed}.{}", text(signature))
    }

    /// A DPoP proof (RFC 9449) for one request, and the access token that it carries, if any.
    pub fn proof(&self, method: &str, url: &str, token: Option<&str>, at: OffsetDateTime) -> String {
        self.proof_with(method, url, token, at, |_, _| ())
    }

    /// The same, changed before it is signed: header and claims.
    pub fn proof_with(
        &self,
        method: &str,
        url: &str,
        token: Option<&str>,
        at: OffsetDateTime,
        change: impl FnOnce(&mut Value, &mut Value),
    ) -> String {
        let mut header = json!({"typ": "dpop+jwt", "jwk": self.jwk()});
        let (jti, iat) = (Uuid::new_v4().to_string(), at.unix_timestamp());
        let mut claims = json!({"jti": jti, "htm": method, "htu": url, "iat": iat});
        if let Some(token) = token {
            claims["ath"] = text(Sha256::digest(token)).into();
        }
        change(&mut header, &mut claims);
        self.sign(header, &claims)
    }
}

impl Default for Holder {
    fn default() -> Self {
        Self::new()
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
