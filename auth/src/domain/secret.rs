//! Random values that work like keys (tokens, codes, session cookies), and the hashes that are stored of them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// 256 random bits as text. Leaves the server once and is never stored.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// What access tokens begin with, so that leaked ones can be found by scanners.
    pub const ACCESS_TOKEN: &str = "rat_";
    /// What refresh tokens begin with.
    pub const REFRESH_TOKEN: &str = "rrt_";

    /// What initial access tokens begin with.
    pub const INITIAL_ACCESS_TOKEN: &str = "rit_";
    /// What registration access tokens begin with.
    pub const REGISTRATION_ACCESS_TOKEN: &str = "rgt_";

    /// A token for registering clients of these random bytes.
    pub fn initial_access_token(random: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::INITIAL_ACCESS_TOKEN, URL_SAFE_NO_PAD.encode(random)))
    }

    /// A token for changing a client's registration of these random bytes.
    pub fn registration_access_token(random: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::REGISTRATION_ACCESS_TOKEN, URL_SAFE_NO_PAD.encode(random)))
    }

    /// An access token of these random bytes.
    pub fn access_token(random: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::ACCESS_TOKEN, URL_SAFE_NO_PAD.encode(random)))
    }

    /// A refresh token of these random bytes.
    pub fn refresh_token(random: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::REFRESH_TOKEN, URL_SAFE_NO_PAD.encode(random)))
    }

    /// A code or a session of these random bytes.
    pub fn plain(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// What is stored of it.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }

    /// The secret itself, for whom it was made.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Hashes a secret as it was presented.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// A stored hash; none if it does not have 32 bytes.
    pub fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// In base64url, as a thumbprint of a key is told.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Its bytes, as stored.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_say_what_they_are_and_hold_256_bits() {
        assert_eq!(Secret::access_token([255; 32]).reveal().len(), 4 + 43);
        assert!(Secret::access_token([0; 32]).reveal().starts_with("rat_"));
        assert!(Secret::refresh_token([0; 32]).reveal().starts_with("rrt_"));
    }

    #[test]
    fn the_hash_is_of_the_whole_token_as_presented() {
        let token = Secret::access_token([7; 32]);
        assert_eq!(token.hash(), Hash::of(token.reveal()));
        assert_ne!(token.hash(), Secret::refresh_token([7; 32]).hash());
    }
}
