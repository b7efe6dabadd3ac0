//! Nonces for proofs (RFC 9449, section 9): a proof that holds one was made after it was given out. Nothing is remembered of
//! them: a nonce says when that was, authenticated by a key that those share who take each other's.

use aws_lc_rs::{
    constant_time,
    hmac::{HMAC_SHA256, Key, sign},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

const TAG: usize = 16;

/// Gives nonces out, and knows them again.
pub struct Nonces(Key);

impl Nonces {
    /// Of those who share this secret. It is not used for anything else by way of them.
    pub fn of(secret: &str) -> Self {
        let key = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), b"DPoP-Nonce");
        Self(Key::new(HMAC_SHA256, key.as_ref()))
    }

    /// One that is given out now, in milliseconds since 1970.
    pub fn give(&self, now: i64) -> String {
        let mut nonce = now.to_be_bytes().to_vec();
        nonce.extend(self.tag(now));
        BASE64_URL_SAFE_NO_PAD.encode(nonce)
    }

    /// When this was given out, in milliseconds since 1970, if it was.
    pub fn given_at(&self, nonce: &str) -> Option<i64> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (at, tag) = bytes.split_first_chunk()?;
        let at = i64::from_be_bytes(*at);
        constant_time::verify_slices_are_equal(tag, &self.tag(at)).is_ok().then_some(at)
    }

    fn tag(&self, at: i64) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&sign(&self.0, &at.to_be_bytes()).as_ref()[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn who_shares_the_secret_knows_when_a_nonce_was_given_and_nobody_makes_one_up(
            at in any::<i64>(), changed in 0_usize..24, bit in 0_u8..8,
        ) {
            let nonce = Nonces::of("secret").give(at);
            prop_assert_eq!(Nonces::of("secret").given_at(&nonce), Some(at));
            prop_assert_eq!(Nonces::of("another secret").given_at(&nonce), None);
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&nonce).unwrap();
            bytes[changed] ^= 1 << bit;
            prop_assert_eq!(Nonces::of("secret").given_at(&BASE64_URL_SAFE_NO_PAD.encode(&bytes)), None);
            bytes.truncate(changed);
            prop_assert_eq!(Nonces::of("secret").given_at(&BASE64_URL_SAFE_NO_PAD.encode(&bytes)), None);
        }

        #[test]
        fn whatever_is_sent_is_no_nonce(text in ".{0,60}") {
            prop_assert_eq!(Nonces::of("secret").given_at(&text), None);
        }
    }
}
