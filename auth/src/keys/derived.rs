//! Keys for keyed hashes, one for each purpose, all made of the encryption key.

use aws_lc_rs::hmac;

/// The key for this purpose: the same in all instances, and no way back to the encryption key or to another one.
pub fn derived(encryption_key: &[u8; 32], purpose: &[u8]) -> hmac::Key {
    let root = hmac::Key::new(hmac::HMAC_SHA256, encryption_key);
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose).as_ref())
}
