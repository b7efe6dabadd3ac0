//! What is stored of the codes that people type for their devices. They are short, so whoever reads the database could
//! try them all against a plain hash.

use aws_lc_rs::hmac;

use crate::{
    domain::{Hash, UserCode},
    keys::derived,
};

/// Hashes codes with a key that does not stand in the database.
#[derive(Clone)]
pub struct UserCodes(hmac::Key);

impl UserCodes {
    /// With a key derived from the encryption key, so that every instance knows the codes of the others.
    pub fn new(encryption_key: &[u8; 32]) -> Self {
        Self(derived(encryption_key, b"codes that users type for their devices"))
    }

    /// What is stored of a code.
    pub fn hash(&self, code: &UserCode) -> Hash {
        Hash::of(&hex::encode(hmac::sign(&self.0, code.to_string().as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_key_cannot_try_codes_against_what_is_stored() {
        let (code, other) = (UserCode::of(1), UserCode::of(2));
        let (ours, others) = (UserCodes::new(&[1; 32]), UserCodes::new(&[2; 32]));
        assert_eq!(ours.hash(&code), UserCodes::new(&[1; 32]).hash(&code));
        assert!(ours.hash(&code) != ours.hash(&other) && ours.hash(&code) != others.hash(&code));
    }
}
