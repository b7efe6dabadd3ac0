//! Proof Key for Code Exchange (RFC 7636), S256 only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::domain::{Code, Refusal};

/// What the client commits to at the authorization endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

/// What the client proves with at the token endpoint.
pub struct Verifier(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`. Without a method the standard means `plain`, which is
    /// refused like every method but S256 (RFC 9700, section 2.1.1).
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, Refusal> {
        let challenge = challenge.ok_or_else(|| Code::InvalidRequest.because("code_challenge is required (PKCE)"))?;
        if method != Some("S256") {
            return Err(Code::InvalidRequest.because("code_challenge_method must be S256"));
        }
        let is_a_sha256 = URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|digest| digest.len() == 32);
        if !is_a_sha256 {
            return Err(Code::InvalidRequest.because("code_challenge is not the base64url of a SHA-256"));
        }
        Ok(Self(challenge.to_owned()))
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Verifier {
    /// Reads `code_verifier` (section 4.1: 43 to 128 unreserved characters).
    pub fn parse(verifier: &str) -> Result<Self, Refusal> {
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if (43..=128).contains(&verifier.len()) && verifier.chars().all(unreserved) {
            return Ok(Self(verifier.to_owned()));
        }
        Err(Code::InvalidRequest.because("code_verifier has 43 to 128 characters of A-Z a-z 0-9 - . _ ~"))
    }

    /// The challenge that this verifier proves (section 4.2).
    pub fn challenge(&self) -> Challenge {
        Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_holds() {
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(verifier.challenge().as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn everything_but_s256_is_refused() {
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(Challenge::parse(challenge, Some("S256")).is_ok());
        for method in [None, Some("plain"), Some("s256"), Some("")] {
            assert!(Challenge::parse(challenge, method).is_err(), "{method:?}");
        }
        for bad in [None, Some("short"), Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")] {
            assert!(Challenge::parse(bad, Some("S256")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn verifiers_of_the_wrong_length_or_alphabet_are_refused() {
        for bad in ["a".repeat(42), "a".repeat(129), "ä".repeat(43), "a b".repeat(20)] {
            assert!(Verifier::parse(&bad).is_err(), "{bad}");
        }
    }
}
